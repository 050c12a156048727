// The program `brine-run`: runners on the master.
#pragma once

#include <span>
#include <string>

#include "cli/arguments.h"
#include "cli/function_arguments.h"
#include "cli/mine_watch.h"
#include "cli/output/options.h"
#include "cli/runner_request.h"
#include "cli/terminal.h"

namespace brine::cli {

struct RunCommand {
  Common common;
  OutputOptions output;
  std::string runner;
  FunctionArguments arguments;
  MineOutput mine;     // of mine.watch
  std::string answer;  // not empty: print it and be done
};

Result<RunCommand> read_run_command(std::span<const std::string> words);

// Asks, prints, and gives the exit status.
int run_runner(const RunCommand& command, const AskMaster& ask, Terminal& terminal);

int run_brine_run(std::span<const std::string> words, Terminal& terminal);

}  // namespace brine::cli
