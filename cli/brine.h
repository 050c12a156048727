// The program `brine`: runs a function on minions and shows what they return.
#pragma once

#include <span>
#include <string>

#include "cli/arguments.h"
#include "cli/job_printer.h"
#include "cli/job_session.h"
#include "cli/output/options.h"
#include "cli/terminal.h"

namespace brine::cli {

// What the words of the command line mean.
struct BrineCommand {
  Common common;
  OutputOptions output;
  JobDisplay display;
  std::string target_kind = "glob";
  std::string target;
  std::string delimiter = ":";
  std::string function;
  std::string arguments;  // JSON text
  milliseconds timeout{0};
  milliseconds expires{0};
  std::uint32_t subset = 0;
  std::string answer;  // not empty: print it and be done (--help, --version)
};

// kInvalid or kUnsupported with what to correct.
Result<BrineCommand> read_brine_command(std::span<const std::string> words);

// Runs a job and shows it. The exit status; see exit_status.h.
int run_job(const BrineCommand& command, JobSession::Connect connect, SessionLimits limits, Terminal& terminal);

// All of it, from the words after the program's name to the exit status.
int run_brine(std::span<const std::string> words, Terminal& terminal);

}  // namespace brine::cli
