// The program `brine-call`: runs a function on this minion, here and now.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "cli/arguments.h"
#include "cli/function_arguments.h"
#include "cli/master_call.h"
#include "cli/output/options.h"
#include "cli/terminal.h"

namespace brine::cli {

struct CallCommand {
  Common common;
  OutputOptions output;
  bool local = false;
  std::string function;
  FunctionArguments arguments;
  std::string answer;  // not empty: print it and be done
};

Result<CallCommand> read_call_command(std::span<const std::string> words);

using OpenMasterCall = std::function<Result<std::unique_ptr<MasterCall>>(const config::MinionConfig&)>;

// Runs the function in this process, prints `local:` and its value, and without --local tells the master. The exit status.
int run_call(const CallCommand& command, const config::MinionConfig& config, const OpenMasterCall& open, Terminal& terminal);

int run_brine_call(std::span<const std::string> words, Terminal& terminal);

}  // namespace brine::cli
