// A function run in this process, with what the minion would give it.
#pragma once

#include <string>

#include "cli/function_arguments.h"
#include "config/minion_config.h"

namespace brine::cli {

struct LocalResult {
  Json value;
  int retcode = 0;
};

// Runs it on a thread of its own. When interrupt_fd (-1: none) becomes readable the function is told to end, and its command is killed;
// what it returns then is the result.
LocalResult call_locally(const config::MinionConfig& config, const std::string& function, const FunctionArguments& arguments,
                         int interrupt_fd);

}  // namespace brine::cli
