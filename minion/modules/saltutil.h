// saltutil.*: the jobs of this minion.
#pragma once

#include "minion/function.h"

namespace brine::minion {

void add_saltutil_functions(Registry& registry);

}  // namespace brine::minion
