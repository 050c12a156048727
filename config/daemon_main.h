// What main() of every daemon does before and around its own work: command line, configuration, --check-config, log, exit status.
#pragma once

#include <cstdio>
#include <string>

#include "base/daemon.h"
#include "base/log.h"
#include "base/result.h"

namespace brine::config {

struct DaemonText {
  const char* program;  // brine-master
  const char* help;     // the whole page
};

struct DaemonArguments {
  std::string config_dir = "/etc/brine";
  std::string log_level;  // empty: as configured
  bool check = false;
};

// -1: go on; otherwise the exit status: the command line was wrong (78), or asked for no more than a text (0).
int parse_daemon_arguments(int argc, char** argv, const DaemonText& text, DaemonArguments& arguments);

// Says the error as the program; the exit status that fits: 78 for what an operator configured, 69 for what cannot be had.
int exit_with(const DaemonText& text, const Error& error);

// load: config_dir -> Result<Config>; run: Config -> Status, returns when the daemon has stopped. Call at the beginning of main(), before
// any thread is started.
template <typename Load, typename Run>
int daemon_main(int argc, char** argv, const DaemonText& text, Load load, Run run) {
  block_stop_signals();
  DaemonArguments arguments;
  if (const int status = parse_daemon_arguments(argc, argv, text, arguments); status >= 0) return status;
  auto config = load(arguments.config_dir);
  if (!config) return exit_with(text, {Code::kInvalid, config.error().message});
  if (!arguments.log_level.empty()) {
    const auto level = log::parse_level(arguments.log_level);
    if (!level) return exit_with(text, level.error());
    config->log_level = *level;
  }
  if (arguments.check) {
    for (const std::string& warning : config->warnings) std::printf("%s\n", warning.c_str());
    std::printf("the configuration in %s is good\n", arguments.config_dir.c_str());
    return 0;
  }
  if (auto opened = log::open(text.program, config->log_level, config->log_file); !opened)
    return exit_with(text, {Code::kInvalid, opened.error().message});
  for (const std::string& warning : config->warnings) log::warning("{}", warning);
  if (const Status ended = run(*config); !ended) return exit_with(text, ended.error());
  return 0;
}

}  // namespace brine::config
