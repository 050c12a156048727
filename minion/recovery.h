// What a killed minion left running.
#pragma once

#include <vector>

#include "minion/function.h"

namespace brine::minion {

// Kills the process groups of these commands, and returns when they are gone (2 s at most, then it is logged). A group is ours only
// if its leader still has the start time that was written down; a number that another process has by now is left alone. If the
// leader has gone, what is left of its group is killed, unless the number is in use again.
void kill_leftover_commands(const std::vector<StartedCommand>& commands);

}  // namespace brine::minion
