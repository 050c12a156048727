// brine-swarm: reads its configuration, builds the swarm, runs it until it is told to stop.
#include <cstdio>
#include <string>

#include "base/daemon.h"
#include "base/file.h"
#include "base/log.h"
#include "base/version.h"
#include "loadtest/swarm.h"

namespace {

constexpr const char* kHelp =
    "usage: brine-swarm CONFIG.json\n"
    "\n"
    "Thousands of simulated minions in one process, speaking the real protocol. Takes commands, one JSON object per line, on standard\n"
    "input, e.g. {\"do\": \"restart\", \"count\": 100}; says how it goes, one JSON object per second, on standard output.\n"
    "The end of standard input stops it. loadtest/README.md lists the keys of the configuration and the commands.\n"
    "Exit status: 0 stopped, 78 configuration, 69 what it cannot have.\n";

int fail_with(const brine::Error& error) {
  std::fprintf(stderr, "brine-swarm: %s\n", error.message.c_str());
  return error.code == brine::Code::kInvalid ? brine::kExitConfig : brine::kExitUnavailable;
}

brine::Result<brine::loadtest::SwarmConfig> read_config(const std::string& path) {
  BRINE_LET(const std::string text, brine::read_file(path));
  auto config = brine::loadtest::parse_swarm_config(text);
  if (!config) return brine::fail(std::move(config.error()), path);
  return config;
}

}  // namespace

int main(int argc, char** argv) {
  brine::block_stop_signals();
  const std::string argument = argc == 2 ? argv[1] : "--help";
  if (argument == "--version") return std::printf("brine-swarm %s\n", brine::kVersion), 0;
  if (argument.starts_with("-")) return std::fputs(kHelp, argc == 2 ? stdout : stderr), argc == 2 ? 0 : brine::kExitConfig;
  auto config = read_config(argument);
  if (!config) return fail_with(config.error());
  const auto level = brine::log::parse_level(config->log_level);
  if (!level) return fail_with(level.error());
  if (auto opened = brine::log::open("brine-swarm", *level, ""); !opened) return fail_with(opened.error());
  brine::loadtest::Swarm swarm(std::move(*config));
  if (auto started = swarm.start(); !started) return fail_with(started.error());
  swarm.run();
  return 0;
}
