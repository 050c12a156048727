// brine-syndic: reads the configuration, builds the syndic, runs it until SIGTERM.
#include "base/log.h"
#include "config/daemon_main.h"
#include "config/syndic_config.h"
#include "syndic/syndic.h"

namespace {

constexpr const char* kHelp =
    "usage: brine-syndic [-c DIR] [-l LEVEL] [--check-config]\n"
    "\n"
    "A relay: minions connect to it as they do to a master, and it holds one session with a master, or with another syndic.\n"
    "\n"
    "  -c, --config-dir DIR   where the file `syndic` and the folder `syndic.d` are (default /etc/brine)\n"
    "  -l, --log-level LEVEL  debug, info, warning or error, instead of log_level\n"
    "      --check-config     judge the configuration, say what is wrong, and exit (0 or 78)\n"
    "      --version\n"
    "      --help\n"
    "\n"
    "It runs in the foreground and logs to standard error; SIGTERM stops it in order.\n"
    "Its key is accepted on a master: brine-key -a ID.\n"
    "Exit status: 0 stopped, 78 configuration, 69 a port or spool it cannot have.\n";

brine::Status serve(const brine::config::SyndicConfig& config) {
  auto syndic = brine::syndic::Syndic::start(config);
  if (!syndic) return std::unexpected(syndic.error());
  return (*syndic)->run();
}

}  // namespace

int main(int argc, char** argv) {
  return brine::config::daemon_main(argc, argv, {"brine-syndic", kHelp}, brine::config::load_syndic_config, serve);
}
