// autosign_file: globs of minion ids, one a line, '#' begins a comment. Read again whenever it has changed, so that no restart is
// needed; a file that others than its owner may write is refused (it would let them accept keys).
#pragma once

#include <functional>
#include <string>

#include "base/ids.h"

namespace brine::master {

// Confined to one thread (the engine's).
std::function<bool(const MinionId&)> autosign_by_file(std::string path);

}  // namespace brine::master
