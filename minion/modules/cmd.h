// cmd.*: commands and scripts.
#pragma once

#include "minion/function.h"

namespace brine::minion {

void add_cmd_functions(Registry& registry);

}  // namespace brine::minion
