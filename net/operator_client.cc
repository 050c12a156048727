#include "net/operator_client.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "net/zmtp.h"

namespace brine::net {
namespace {

constexpr std::size_t kReadBytes = 64U << 10;

MonoTime now() { return std::chrono::steady_clock::now(); }

Error no_master(const std::string& path, int error_number) {
  if (error_number == EACCES || error_number == EPERM)
    return {Code::kDenied, "this user may not use the master's socket " + path + "; run as root or as a user listed in `operators`"};
  const bool absent = error_number == ENOENT || error_number == ECONNREFUSED || error_number == ENOTDIR;
  return {Code::kUnavailable, "no master is listening at " + path + (absent ? "" : std::string(" (") + std::strerror(error_number) + ")") +
                                  "; is brine-master running?"};
}

timeval to_timeval(milliseconds time) {
  timeval value{};
  value.tv_sec = time.count() / 1000;
  value.tv_usec = time.count() % 1000 * 1000;
  return value;
}

}  // namespace

bool is_readable(int fd) {
  pollfd item{fd, POLLIN, 0};
  return ::poll(&item, 1, 0) > 0;
}

Result<std::unique_ptr<OperatorClient>> OperatorClient::connect(const std::string& socket_path, OperatorClientOptions options) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_path.size() >= sizeof address.sun_path)
    return fail(Code::kInvalid, "the socket path " + socket_path + " is longer than 107 bytes; choose a shorter sock_dir");
  std::memcpy(address.sun_path, socket_path.data(), socket_path.size());
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return fail_errno("cannot make a socket", errno);
  // connect() to a local socket waits for a place in the listener's queue, at most SO_SNDTIMEO.
  const timeval patience = to_timeval(options.connect_timeout);
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return std::unexpected(no_master(socket_path, errno));
  return std::unique_ptr<OperatorClient>(new OperatorClient(std::move(socket), options));
}

OperatorClient::OperatorClient(Fd socket, OperatorClientOptions options)
    : options_(options), socket_(std::move(socket)), reader_(options.max_message), outgoing_(zmtp_client_opening()), heard_(now()) {}

// libzmq ends the connection of a peer that sends a message before it has seen READY.
void OperatorClient::send(std::string_view frame) {
  append_zmtp_message(reader_.ready() ? outgoing_ : held_, frame);
  write_some();
}

void OperatorClient::write_some() {
  while (!outgoing_.empty()) {
    const ssize_t sent = ::send(socket_.get(), outgoing_.data(), outgoing_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      outgoing_.erase(0, static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return;
    } else if (errno != EINTR) {
      outgoing_.clear();  // what had come before the loss is still there to be read; the end follows it
    }
  }
}

void OperatorClient::read_some() {
  std::string buffer(kReadBytes, '\0');
  const ssize_t got = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
  if (got <= 0) {
    end_ = Error{Code::kUnavailable, "the connection to the master is lost"};
    return;
  }
  heard_ = now();
  pinged_ = false;
  if (auto fed = reader_.feed(std::string_view(buffer).substr(0, static_cast<std::size_t>(got)), outgoing_, frames_); !fed)
    end_ = std::move(fed.error()).with("the master's socket");
  if (reader_.ready()) outgoing_ += std::exchange(held_, {});
}

milliseconds OperatorClient::until_beat(MonoTime at) const {
  const auto due = heard_ + (pinged_ ? options_.heartbeat_timeout : options_.heartbeat);
  return std::max(milliseconds(0), std::chrono::ceil<milliseconds>(due - at));
}

void OperatorClient::beat(MonoTime at) {
  if (at - heard_ >= options_.heartbeat_timeout) {
    end_ = Error{Code::kUnavailable, "the master does not answer any more"};
  } else if (!pinged_ && at - heard_ >= options_.heartbeat) {
    pinged_ = true;
    append_zmtp_ping(outgoing_, options_.heartbeat_timeout);
  }
}

// True when stop_fd is readable.
bool OperatorClient::wait(milliseconds longest, int stop_fd) {
  beat(now());
  const short events = static_cast<short>(outgoing_.empty() ? POLLIN : POLLIN | POLLOUT);
  pollfd items[] = {{socket_.get(), events, 0}, {stop_fd, POLLIN, 0}};
  const auto time = std::clamp(std::min(longest, until_beat(now())), milliseconds(0), milliseconds(1 << 30));
  if (::poll(items, 2, static_cast<int>(time.count())) <= 0) return false;
  if ((items[0].revents & POLLOUT) != 0) write_some();
  return items[1].revents != 0;
}

Result<std::optional<std::string>> OperatorClient::receive(milliseconds longest, int stop_fd) {
  const MonoTime deadline = now() + longest;
  while (true) {
    if (frames_.empty() && !end_) read_some();
    if (!frames_.empty()) break;
    if (end_) return std::unexpected(*end_);
    const MonoTime at = now();
    if (at >= deadline) return std::optional<std::string>();
    if (wait(std::chrono::ceil<milliseconds>(deadline - at), stop_fd)) return std::optional<std::string>();
  }
  std::optional<std::string> frame(std::move(frames_.front()));
  frames_.pop_front();
  return frame;
}

}  // namespace brine::net
