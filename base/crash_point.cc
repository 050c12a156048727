#include "base/crash_point.h"

#ifdef BRINE_CRASH_POINTS

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <string>
#include <string_view>

namespace brine {
namespace {

struct Plan {
  std::string name;
  int passage = 1;
  std::string log;
};

Plan read_plan() {
  Plan plan;
  if (const char* at = std::getenv("BRINE_CRASH_AT")) plan.name = at;
  if (const char* log = std::getenv("BRINE_CRASH_LOG")) plan.log = log;
  if (const auto colon = plan.name.find(':'); colon != std::string::npos) {
    plan.passage = std::atoi(plan.name.c_str() + colon + 1);
    plan.name.resize(colon);
  }
  return plan;
}

}  // namespace

void crash_point(const char* name) {
  static const Plan plan = read_plan();
  static std::atomic<int> passed{0};
  if (plan.name != std::string_view(name) || ++passed != plan.passage) return;
  const int fd = ::open(plan.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const std::string line = std::string(name) + "\n";
  if (fd >= 0 && ::write(fd, line.data(), line.size()) > 0) ::fdatasync(fd);
  ::kill(::getpid(), SIGKILL);
  ::pause();
}

}  // namespace brine

#endif
