// Which argument goes to which parameter: Python's rules, as users of Salt know them.
#pragma once

#include "base/result.h"
#include "minion/function.h"

namespace brine::minion {

// The call as the body of the function sees it (see Call in minion/function.h). kInvalid says what is missing, too much, given twice or
// unknown (with the nearest parameter).
Result<Call> bind_arguments(const Function& function, const Call& call);

}  // namespace brine::minion
