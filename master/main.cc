// brine-master: reads the configuration, builds the master, runs it until SIGTERM.
#include <cstdio>
#include <cstring>
#include <string>

#include "base/daemon.h"
#include "base/log.h"
#include "base/version.h"
#include "config/master_config.h"
#include "master/master.h"

namespace {

constexpr const char* kHelp =
    "usage: brine-master [-c DIR] [-l LEVEL] [--check-config]\n"
    "\n"
    "The master: minions connect to it, operators speak to it with brine, brine-key and brine-run.\n"
    "\n"
    "  -c, --config-dir DIR   where the file `master` and the folder `master.d` are (default /etc/brine)\n"
    "  -l, --log-level LEVEL  debug, info, warning or error, instead of log_level\n"
    "      --check-config     judge the configuration, say what is wrong, and exit (0 or 78)\n"
    "      --version\n"
    "      --help\n"
    "\n"
    "It runs in the foreground and logs to standard error; SIGTERM stops it in order.\n"
    "Exit status: 0 stopped, 78 configuration, 69 a port or store it cannot have.\n";

struct Arguments {
  std::string config_dir = "/etc/brine";
  std::string log_level;
  bool check = false;
};

// -1: go on; otherwise the exit status.
int parse(int argc, char** argv, Arguments& arguments) {
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const bool has_value = i + 1 < argc;
    if ((argument == "-c" || argument == "--config-dir") && has_value)
      arguments.config_dir = argv[++i];
    else if ((argument == "-l" || argument == "--log-level") && has_value)
      arguments.log_level = argv[++i];
    else if (argument == "--check-config")
      arguments.check = true;
    else if (argument == "--version")
      return std::printf("brine-master %s\n", brine::kVersion), 0;
    else if (argument == "--help" || argument == "-h")
      return std::fputs(kHelp, stdout), 0;
    else
      return std::fprintf(stderr, "brine-master: unknown or incomplete option '%s'\n\n%s", argument.c_str(), kHelp), brine::kExitConfig;
  }
  return -1;
}

int fail_with(const brine::Error& error, int status) {
  std::fprintf(stderr, "brine-master: %s\n", error.message.c_str());
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  brine::block_stop_signals();
  Arguments arguments;
  if (const int status = parse(argc, argv, arguments); status >= 0) return status;
  auto config = brine::config::load_master_config(arguments.config_dir);
  if (!config) return fail_with(config.error(), brine::kExitConfig);
  if (!arguments.log_level.empty()) {
    const auto level = brine::log::parse_level(arguments.log_level);
    if (!level) return fail_with(level.error(), brine::kExitConfig);
    config->log_level = *level;
  }
  if (arguments.check) {
    for (const std::string& warning : config->warnings) std::printf("%s\n", warning.c_str());
    std::printf("the configuration in %s is good\n", arguments.config_dir.c_str());
    return 0;
  }
  if (auto opened = brine::log::open("brine-master", config->log_level, config->log_file); !opened)
    return fail_with(opened.error(), brine::kExitConfig);
  for (const std::string& warning : config->warnings) brine::log::warning("{}", warning);

  auto master = brine::master::Master::start(*config);
  if (!master) {
    const bool configuration = master.error().code == brine::Code::kInvalid || master.error().code == brine::Code::kDenied;
    return fail_with(master.error(), configuration ? brine::kExitConfig : brine::kExitUnavailable);
  }
  brine::log::info("serving minions on port {}", (*master)->port());
  while (!brine::wait_for_stop(brine::milliseconds(1'000))) (*master)->tick();
  brine::log::info("stopping");
  (*master)->stop();
  return 0;
}
