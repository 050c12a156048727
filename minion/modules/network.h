// network.*: addresses of this machine, as they are now.
#pragma once

#include "minion/function.h"

namespace brine::minion {

void add_network_functions(Registry& registry);

}  // namespace brine::minion
