// brine-master: reads the configuration, builds the master, runs it until SIGTERM.
#include <algorithm>
#include <string_view>
#include <utility>

#include "base/daemon.h"
#include "base/log.h"
#include "config/daemon_main.h"
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
    "      --restore-store    put this master's copy of the keys into a store that was emptied or exchanged\n"
    "      --check-config     judge the configuration, say what is wrong, and exit (0 or 78)\n"
    "      --version\n"
    "      --help\n"
    "\n"
    "It runs in the foreground and logs to standard error; SIGTERM stops it in order.\n"
    "Exit status: 0 stopped, 78 configuration, 69 a port or store it cannot have.\n";

brine::Status serve(const brine::config::MasterConfig& config) {
  std::string waits_for;
  auto started = brine::master::Master::start(config);
  while (!started && started.error().code == brine::Code::kBusy) {
    if (std::exchange(waits_for, started.error().message) != started.error().message) brine::log::warning("{}; waiting", waits_for);
    if (brine::wait_for_stop(brine::milliseconds(1'000))) return {};
    started = brine::master::Master::start(config);
  }
  if (!started) return std::unexpected(started.error());
  const auto& master = *started;
  brine::log::info("serving minions on port {}", master->port());
  while (!brine::wait_for_stop(brine::milliseconds(1'000))) BRINE_TRY(master->tick());
  brine::log::info("stopping");
  master->stop();
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  // Of this daemon alone; the others read the rest.
  const auto given = std::remove_if(argv + 1, argv + argc, [](const char* word) { return std::string_view(word) == "--restore-store"; });
  const bool restore = given != argv + argc;
  const auto load = [restore](const std::string& folder) {
    auto config = brine::config::load_master_config(folder);
    if (config) config->restore_store = restore;
    return config;
  };
  return brine::config::daemon_main(static_cast<int>(given - argv), argv, {"brine-master", kHelp}, load, serve);
}
