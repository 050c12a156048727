#include "base/daemon.h"

#include <signal.h>

#include <cerrno>

namespace brine {
namespace {

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  return set;
}

}  // namespace

void block_stop_signals() {
  const sigset_t set = stop_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
}

bool wait_for_stop(milliseconds longest) {
  const sigset_t set = stop_signals();
  const timespec wait{longest.count() / 1000, longest.count() % 1000 * 1'000'000};
  const int got = ::sigtimedwait(&set, nullptr, &wait);
  return got == SIGTERM || got == SIGINT;
}

}  // namespace brine
