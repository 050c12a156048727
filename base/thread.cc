#include "base/thread.h"

#include <pthread.h>
#include <signal.h>

namespace brine {

std::jthread start_thread(std::string name, std::function<void(std::stop_token)> body) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::jthread thread([name = name.substr(0, 15), body = std::move(body)](std::stop_token stop) {
    pthread_setname_np(pthread_self(), name.c_str());
    body(stop);
  });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

}  // namespace brine
