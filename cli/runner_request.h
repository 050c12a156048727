// One question to the master, and its answer: what brine-run and brine-key do.
#pragma once

#include <functional>
#include <string>
#include <variant>

#include "base/result.h"
#include "cli/json.h"

namespace brine::cli {

// The master's answer: a value, or the reason why the runner failed.
using RunnerAnswer = std::variant<Json, Error>;

// Asks the master to run a runner; arguments is JSON text {"args": [...], "kwargs": {...}}. An Error of the Result itself means that there
// was no answer: no master, or none any more (the runner may have run).
using AskMaster = std::function<Result<RunnerAnswer>(const std::string& runner, const std::string& arguments)>;

// Over the operator socket. Waits for the answer as long as the master lives, or until interrupt_fd (-1: none) becomes readable: kTimeout.
AskMaster ask_over(std::string socket_path, int interrupt_fd);

}  // namespace brine::cli
