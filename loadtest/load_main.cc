// brine-load: reads its configuration, sends the load, tells what came of it.
#include <cstdio>
#include <string>

#include "base/daemon.h"
#include "base/file.h"
#include "base/version.h"
#include "loadtest/load_run.h"

namespace {

constexpr const char* kHelp =
    "usage: brine-load CONFIG.json\n"
    "\n"
    "Submits jobs to a master's operator socket at a fixed rate (open loop) or one after the other on each connection (closed loop), and\n"
    "says how it goes, one JSON object per second, on standard output. loadtest/README.md lists the keys of the configuration.\n"
    "Exit status: 0 done, 78 configuration, 69 no master.\n";

int fail_with(const brine::Error& error) {
  std::fprintf(stderr, "brine-load: %s\n", error.message.c_str());
  return error.code == brine::Code::kInvalid ? brine::kExitConfig : brine::kExitUnavailable;
}

brine::Result<brine::loadtest::LoadConfig> read_config(const std::string& path) {
  BRINE_LET(const std::string text, brine::read_file(path));
  auto config = brine::loadtest::parse_load_config(text);
  if (!config) return brine::fail(std::move(config.error()), path);
  return config;
}

}  // namespace

int main(int argc, char** argv) {
  brine::block_stop_signals();
  const std::string argument = argc == 2 ? argv[1] : "--help";
  if (argument == "--version") return std::printf("brine-load %s\n", brine::kVersion), 0;
  if (argument.starts_with("-")) return std::fputs(kHelp, argc == 2 ? stdout : stderr), argc == 2 ? 0 : brine::kExitConfig;
  auto config = read_config(argument);
  if (!config) return fail_with(config.error());
  brine::loadtest::LoadRun load(std::move(*config));
  if (auto started = load.start(); !started) return fail_with(started.error());
  load.run();
  return 0;
}
