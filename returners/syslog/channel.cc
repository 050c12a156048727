#include "returners/syslog/channel.h"

#include <linux/sockios.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "base/file.h"
#include "returners/socket_wait.h"

namespace brine::returners {
namespace {

using Transport = config::SyslogAddress::Transport;
using Framing = std::string (*)(std::string_view);

constexpr std::string_view kClosed = "the server has closed the connection";
constexpr milliseconds kFirstLook{1};
constexpr milliseconds kLastLook{20};

// RFC 6587, section 3.4.1.
std::string octet_counted(std::string_view message) { return std::to_string(message.size()).append(" ").append(message); }
// Section 3.4.2, as servers read a local stream; a message has no line breaks.
std::string line(std::string_view message) { return std::string(message).append("\n"); }

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

int pending_error(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

// Bytes the other side has not acknowledged (tcp), or not taken (unix): tcp(7), unix(7).
Result<std::size_t> unconfirmed(int fd) {
  int left = 0;
  if (::ioctl(fd, SIOCOUTQ, &left) != 0) return fail_errno("SIOCOUTQ", errno);
  return static_cast<std::size_t>(std::max(left, 0));
}

Status wait_until_confirmed(int fd, MonoTime deadline, const std::stop_token& stop) {
  for (milliseconds step = kFirstLook;; step = std::min(step * 2, kLastLook)) {
    BRINE_LET(const std::size_t left, unconfirmed(fd));
    if (left == 0) return {};
    if (const int error = pending_error(fd); error != 0) return fail_errno("the connection broke", error);
    const MonoTime look = std::chrono::steady_clock::now() + step;
    auto waited = wait_for_socket(fd, 0, std::min(look, deadline), stop, "waiting for the server to take the messages");
    if (waited) return fail(Code::kUnavailable, std::string(kClosed));
    if (waited.error().code != Code::kTimeout || look >= deadline) return waited;
  }
}

class StreamChannel final : public Channel {
 public:
  StreamChannel(Fd fd, Framing framing) : fd_(std::move(fd)), framing_(framing) {}

  // What a server says is read and dropped: syslog goes one way.
  bool is_open() override {
    char dropped[256];
    while (true) {
      const ssize_t size = ::recv(fd_.get(), dropped, sizeof dropped, MSG_DONTWAIT);
      if (size <= 0) return size < 0 && (would_block(errno) || errno == EINTR);
    }
  }

  Sent send(std::span<const std::string> messages, MonoTime deadline, const std::stop_token& stop) override {
    std::string bytes;
    std::vector<std::size_t> ends;
    for (const std::string& message : messages) {
      bytes += framing_(message);
      ends.push_back(bytes.size());
    }
    std::size_t written = 0;
    Status status = write(bytes, written, deadline, stop);
    if (status) status = wait_until_confirmed(fd_.get(), deadline, stop);
    if (!is_open()) return {.status = status ? fail(Code::kUnavailable, std::string(kClosed)) : std::move(status)};
    if (status) return {.confirmed = messages.size()};
    return {.confirmed = confirmed(ends, written), .status = std::move(status)};
  }

 private:
  Status write(std::string_view bytes, std::size_t& written, MonoTime deadline, const std::stop_token& stop) {
    while (written < bytes.size()) {
      const ssize_t size = ::send(fd_.get(), bytes.data() + written, bytes.size() - written, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (size >= 0) {
        written += static_cast<std::size_t>(size);
      } else if (would_block(errno)) {
        BRINE_TRY(wait_for_socket(fd_.get(), POLLOUT, deadline, stop, "waiting for the server to read"));
      } else if (errno != EINTR) {
        return fail_errno("send", errno);
      }
    }
    return {};
  }

  // On a connection that is slow, but open: it must get on although a batch takes longer than the timeout.
  std::size_t confirmed(const std::vector<std::size_t>& ends, std::size_t written) const {
    const auto left = unconfirmed(fd_.get());
    if (!left || *left > written) return 0;
    return static_cast<std::size_t>(std::ranges::upper_bound(ends, written - *left) - ends.begin());
  }

  const Fd fd_;
  const Framing framing_;
};

class DatagramChannel final : public Channel {
 public:
  DatagramChannel(Fd fd, bool local) : fd_(std::move(fd)), local_(local) {}

  bool is_open() override { return pending_error(fd_.get()) == 0; }

  // All or none: an error that is told late may belong to an earlier one.
  Sent send(std::span<const std::string> messages, MonoTime deadline, const std::stop_token& stop) override {
    Sent sent;
    for (const std::string& message : messages) {
      Status status = send_one(message, deadline, stop);
      if (!status && status.error().code == Code::kFull) {
        sent.too_long = true;
        break;
      }
      if (!status) return {.status = std::move(status)};
      ++sent.confirmed;
    }
    if (local_) {
      if (auto taken = wait_until_confirmed(fd_.get(), deadline, stop); !taken) return {.status = std::move(taken)};
    }
    if (const int error = pending_error(fd_.get()); error != 0) return {.status = fail_errno("send", error)};
    return sent;
  }

 private:
  // kFull: it is longer than a datagram may be.
  Status send_one(const std::string& message, MonoTime deadline, const std::stop_token& stop) {
    while (::send(fd_.get(), message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
      if (errno == EMSGSIZE) return fail(Code::kFull, "longer than a datagram may be");
      if (would_block(errno) || errno == ENOBUFS) {
        BRINE_TRY(wait_for_socket(fd_.get(), POLLOUT, deadline, stop, "waiting for the server to read"));
      } else if (errno != EINTR) {
        return fail_errno("send", errno);
      }
    }
    return {};
  }

  const Fd fd_;
  const bool local_;
};

// ---- opening -----------------------------------------------------------------------------------------------------------------

Status connect_within(int fd, const sockaddr* address, socklen_t size, MonoTime deadline, const std::stop_token& stop) {
  if (::connect(fd, address, size) == 0) return {};
  if (errno != EINPROGRESS) return fail_errno("connect", errno, errno == EPROTOTYPE ? Code::kUnsupported : Code::kUnavailable);
  BRINE_TRY(wait_for_socket(fd, POLLOUT, deadline, stop, "connect"));
  if (const int error = pending_error(fd); error != 0) return fail_errno("connect", error);
  return {};
}

Result<Fd> local_socket(int type, const std::string& path, MonoTime deadline, const std::stop_token& stop) {
  Fd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return fail_errno("socket", errno);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), std::min(path.size(), sizeof address.sun_path - 1));
  BRINE_TRY(connect_within(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address, deadline, stop));
  return fd;
}

Result<std::unique_ptr<Channel>> open_local(const std::string& path, std::size_t longest, MonoTime deadline, const std::stop_token& stop) {
  auto datagrams = local_socket(SOCK_DGRAM, path, deadline, stop);
  if (datagrams) {
    const int buffer = static_cast<int>(std::min<std::size_t>(longest, 1U << 30));
    ::setsockopt(datagrams->get(), SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);  // as far as net.core.wmem_max allows
    return std::make_unique<DatagramChannel>(std::move(*datagrams), true);
  }
  if (datagrams.error().code != Code::kUnsupported) return fail(std::move(datagrams.error()), path);
  auto stream = local_socket(SOCK_STREAM, path, deadline, stop);
  if (!stream) return fail(std::move(stream.error()), path);
  return std::make_unique<StreamChannel>(std::move(*stream), line);
}

struct AddressList {
  addrinfo* first = nullptr;
  AddressList() = default;
  AddressList(const AddressList&) = delete;
  AddressList& operator=(const AddressList&) = delete;
  ~AddressList() {
    if (first != nullptr) ::freeaddrinfo(first);
  }
};

Status resolve(const config::SyslogAddress& address, int type, AddressList& list) {
  addrinfo hints{};
  hints.ai_socktype = type;
  hints.ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG;
  const int failure = ::getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &list.first);
  if (failure == EAI_SYSTEM) return fail_errno(address.host, errno);
  if (failure != 0) return fail(Code::kUnavailable, address.host + ": " + ::gai_strerror(failure));
  return {};
}

Result<Fd> remote_socket(const addrinfo& address, MonoTime deadline, const std::stop_token& stop) {
  Fd fd(::socket(address.ai_family, address.ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address.ai_protocol));
  if (!fd.valid()) return fail_errno("socket", errno);
  BRINE_TRY(connect_within(fd.get(), address.ai_addr, address.ai_addrlen, deadline, stop));
  return fd;
}

// Every address of the name gets its share of the time.
Result<Fd> connect_to_any(const config::SyslogAddress& address, int type, MonoTime deadline, const std::stop_token& stop) {
  AddressList list;
  BRINE_TRY(resolve(address, type, list));
  int left = 0;
  for (const addrinfo* one = list.first; one != nullptr; one = one->ai_next) ++left;
  Result<Fd> fd = fail(Code::kUnavailable, "no address");
  for (const addrinfo* one = list.first; one != nullptr && !fd; one = one->ai_next, --left) {
    const MonoTime now = std::chrono::steady_clock::now();
    fd = remote_socket(*one, now + (deadline - now) / left, stop);
  }
  if (!fd) return fail(std::move(fd.error()), address.host + ":" + std::to_string(address.port));
  return fd;
}

}  // namespace

Result<std::unique_ptr<Channel>> open_channel(const config::SyslogAddress& address, std::size_t longest, MonoTime deadline,
                                              const std::stop_token& stop) {
  if (address.transport == Transport::kUnix) return open_local(address.path, longest, deadline, stop);
  const bool tcp = address.transport == Transport::kTcp;
  BRINE_LET(Fd fd, connect_to_any(address, tcp ? SOCK_STREAM : SOCK_DGRAM, deadline, stop));
  if (!tcp) return std::make_unique<DatagramChannel>(std::move(fd), false);
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return std::make_unique<StreamChannel>(std::move(fd), octet_counted);
}

}  // namespace brine::returners
