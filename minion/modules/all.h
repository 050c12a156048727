// Every module that a minion has. To add one, see README.md here.
#pragma once

#include "minion/function.h"

namespace brine::minion {

void add_all_functions(Registry& registry);

}  // namespace brine::minion
