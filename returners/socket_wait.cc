#include "returners/socket_wait.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>

namespace brine::returners {
namespace {

constexpr milliseconds kLookForStop{50};

}  // namespace

Status wait_for_socket(int fd, short events, MonoTime deadline, const std::stop_token& stop, std::string_view what) {
  while (true) {
    if (stop.stop_requested()) return fail(Code::kUnavailable, std::string(what) + ": given up, the master is stopping");
    const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left <= milliseconds(0)) return fail(Code::kTimeout, std::string(what) + ": no answer in time");
    pollfd entry{.fd = fd, .events = events, .revents = 0};
    const int ready = ::poll(&entry, 1, static_cast<int>(std::min(left, kLookForStop).count()));
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return fail_errno(what, errno);
  }
}

}  // namespace brine::returners
