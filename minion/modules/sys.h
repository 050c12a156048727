// sys.*: what functions there are, and how to call them.
#pragma once

#include "minion/function.h"

namespace brine::minion {

void add_sys_functions(Registry& registry);

}  // namespace brine::minion
