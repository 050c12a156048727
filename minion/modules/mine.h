// mine.*: what this minion publishes for others to read, and what others have published.
#pragma once

#include "minion/function.h"

namespace brine::minion {

void add_mine_functions(Registry& registry);

}  // namespace brine::minion
