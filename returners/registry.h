// The kinds of returners there are, in one list: registry.cc. Each lies in a folder of its own and is a target of its own; a build may
// leave some out (BRINE_RETURNER_<KIND>).
#pragma once

#include <memory>

#include "base/result.h"
#include "config/returner_config.h"
#include "returners/returner.h"

namespace brine::returners {

// Judges the settings and makes the returner; does not wait for a backend that is away. kInvalid or kUnavailable with the returner's name
// and what to correct; kUnsupported for a kind that this build leaves out.
Result<std::unique_ptr<Returner>> open_returner(const config::ReturnerConfig& config);

}  // namespace brine::returners
