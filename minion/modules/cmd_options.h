// The parameters that the functions of cmd.* share, and the way from them to a command.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "minion/command.h"
#include "minion/function.h"

namespace brine::minion {

// How a command's words are found.
enum class Reading {
  kAsAsked,  // by the shell, or with python_shell=False by brine::minion::split_words; a list is taken as it is
  kShell,    // always by the shell
};

// What was asked for around the command itself.
struct CmdOptions {
  CommandSpec spec;  // argv empty, until command_line() or the function fills it
  std::string shell;
  bool python_shell = true;
  bool rstrip = true;
  bool ignore_retcode = false;
  bool raise_err = false;
  std::vector<std::int64_t> success_retcodes;
};

// All parameters but the command: cwd, stdin, runas, shell, python_shell, env, ...
std::vector<Parameter> cmd_parameters();

// Reads them from a bound call.
Result<CmdOptions> cmd_options(const Call& call);

// The argv of the command given as text or as a list.
Result<std::vector<std::string>> command_line(const Json& command, const CmdOptions& options, Reading reading);

// Runs the command as part of the job: known to the journal and to RunningJobs, ended with the job.
Result<CommandResult> run_for_job(const Call& call, const CommandSpec& spec);

// The retcode of the job: that of the command, or 0 where the user said that it does not count.
int job_retcode(const CommandResult& result, const CmdOptions& options);

// What was cut short, as a line that users see; "" when the command ended by itself.
std::string note_of(const CommandResult& result, const CommandSpec& spec);

}  // namespace brine::minion
