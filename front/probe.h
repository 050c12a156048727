// Asks another master, without proof of anything, whether it serves its cluster: frame type 8, answered by type 9 (docs/wire-format.md).
// Whoever lies about it can at most make a master that has lost its lease send its minions away, who believe nobody unproven.
#pragma once

#include <string>

#include "base/clock.h"

namespace brine::front {

// Blocks for this long at most. address: host:port.
bool master_serves(const std::string& address, milliseconds longest);

}  // namespace brine::front
