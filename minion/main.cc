// brine-minion: reads the configuration, builds the minion, runs it until SIGTERM.
#include "config/daemon_main.h"
#include "config/minion_config.h"
#include "minion/daemon.h"

namespace {

constexpr const char* kHelp =
    "usage: brine-minion [-c DIR] [-l LEVEL] [--check-config]\n"
    "\n"
    "The agent: connects to its master, runs what operators ask for, keeps every return until it is acknowledged.\n"
    "\n"
    "  -c, --config-dir DIR   where the file `minion` and the folder `minion.d` are (default /etc/brine)\n"
    "  -l, --log-level LEVEL  debug, info, warning or error, instead of log_level\n"
    "      --check-config     judge the configuration, say what is wrong, and exit (0 or 78)\n"
    "      --version\n"
    "      --help\n"
    "\n"
    "It runs in the foreground and logs to standard error; SIGTERM stops it in order.\n"
    "Exit status: 0 stopped, 78 configuration, 69 a folder or file it cannot have.\n";

brine::Status serve(const brine::config::MinionConfig& config) {
  BRINE_LET(const auto daemon, brine::minion::Daemon::start(config));
  daemon->run();
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  return brine::config::daemon_main(argc, argv, {"brine-minion", kHelp}, brine::config::load_minion_config, serve);
}
