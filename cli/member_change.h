// The masters of the cluster, as brine-key changes them: list, add, withdraw.
#pragma once

#include "cli/brine_key.h"

namespace brine::cli {

// kMasterList, kMasterAdd or kMasterRemove. The exit status.
int change_members(const KeyCommand& command, const AskMaster& ask, Terminal& terminal);

}  // namespace brine::cli
