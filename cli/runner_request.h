// One question to the master, and its answer: what brine-run and brine-key do.
#pragma once

#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "cli/json.h"

namespace brine::cli {

// The master's answer: a value, or the reason why the runner failed.
using RunnerAnswer = std::variant<Json, Error>;

// Asks the master to run a runner; arguments is JSON text {"args": [...], "kwargs": {...}}. An Error of the Result itself means that there
// was no answer: no master, or none any more (the runner may have run).
using AskMaster = std::function<Result<RunnerAnswer>(const std::string& runner, const std::string& arguments)>;

// Over the first of these operator sockets behind which a master serves. Waits for the answer as long as it lives, or until interrupt_fd
// (-1: none) becomes readable: kTimeout.
AskMaster ask_over(std::vector<std::string> sockets, int interrupt_fd);

}  // namespace brine::cli
