// What a killed minion left running.
#pragma once

#include <vector>

#include "minion/function.h"

namespace brine::minion {

// Kills the process groups of these commands, and returns when no member runs any more (2 s at most for all of them, then it is
// logged). A group is ours only if its leader still has the start time that was written down; a number that another process has by now
// is left alone, and so is this process's own group. If the leader has gone, what is left of its group is killed if all of it belongs to
// the command's session and is not older than the command. The numbers must be of this boot and pid namespace (the journal drops others).
void kill_leftover_commands(const std::vector<StartedCommand>& commands);

}  // namespace brine::minion
