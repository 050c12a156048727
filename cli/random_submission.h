// A submission id that nobody else draws.
#pragma once

#include "base/ids.h"
#include "base/result.h"

namespace brine::cli {

// 128 bits from the kernel.
Result<SubmissionId> random_submission();

}  // namespace brine::cli
