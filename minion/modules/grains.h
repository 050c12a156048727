// grains.*: what this minion says about itself.
#pragma once

#include "minion/function.h"

namespace brine::minion {

void add_grains_functions(Registry& registry);

}  // namespace brine::minion
