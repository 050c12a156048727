#include "tests/unit/returners/syslog_receiver.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <charconv>
#include <condition_variable>
#include <cstring>
#include <stdexcept>

namespace brine::returners {
namespace {

constexpr int kKernelBuffer = 256 << 10;
constexpr std::chrono::milliseconds kBetweenLooks{1};

}  // namespace

SyslogReceiver::SyslogReceiver(Wire wire) : wire_(wire) {
  open();
  thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
}

SyslogReceiver::~SyslogReceiver() = default;

std::string SyslogReceiver::address() const {
  if (local()) return "unix://" + folder_.path() + "/log";
  return (wire_ == Wire::kTcp ? "tcp://127.0.0.1:" : "udp://127.0.0.1:") + std::to_string(port_);
}

void SyslogReceiver::open() {
  const std::lock_guard lock(mutex_);
  const int type = streams() ? SOCK_STREAM : SOCK_DGRAM;
  listener_ = Fd(::socket(local() ? AF_UNIX : AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  int bound = -1;
  if (local()) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = folder_ / "log";
    ::unlink(path.c_str());
    std::memcpy(address.sun_path, path.data(), path.size());
    bound = ::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  } else {
    const int on = 1;
    ::setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (streams()) ::setsockopt(listener_.get(), SOL_SOCKET, SO_RCVBUF, &kKernelBuffer, sizeof kKernelBuffer);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port_);
    socklen_t size = sizeof address;
    bound = ::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), size);
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  if (bound != 0 || (streams() && ::listen(listener_.get(), 16) != 0)) throw std::runtime_error("cannot listen");
}

void SyslogReceiver::close() {
  const std::lock_guard lock(mutex_);
  read_all();
  connections_.clear();
  listener_.reset();
}

void SyslogReceiver::die() {
  const std::lock_guard lock(mutex_);
  connections_.clear();
  listener_.reset();
}

void SyslogReceiver::pause() {
  const std::lock_guard lock(mutex_);
  read_all();
  paused_ = true;
}

void SyslogReceiver::resume() {
  const std::lock_guard lock(mutex_);
  paused_ = false;
}

std::vector<std::string> SyslogReceiver::messages() {
  const std::lock_guard lock(mutex_);
  read_all();
  return messages_;
}

void SyslogReceiver::serve(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  while (!stop.stop_requested()) {
    {
      const std::lock_guard lock(mutex_);
      if (!paused_) read_all();
    }
    std::unique_lock lock(mutex);
    stopped.wait_for(lock, stop, kBetweenLooks, [] { return false; });
  }
}

void SyslogReceiver::read_all() {
  if (!listener_.valid()) return;
  if (!streams()) return read_datagrams();
  accept_all();
  std::erase_if(connections_, [this](Connection& connection) { return !read_stream(connection); });
}

void SyslogReceiver::read_datagrams() {
  while (true) {
    const ssize_t size = ::recv(listener_.get(), buffer_.data(), buffer_.size(), 0);
    if (size < 0) return;
    messages_.emplace_back(buffer_, 0, static_cast<std::size_t>(size));
  }
}

void SyslogReceiver::accept_all() {
  while (true) {
    Fd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd.valid()) return;
    connections_.push_back({std::move(fd), {}});
  }
}

bool SyslogReceiver::read_stream(Connection& connection) {
  while (true) {
    const ssize_t size = ::recv(connection.fd.get(), buffer_.data(), buffer_.size(), 0);
    if (size == 0) return false;
    if (size < 0) return true;
    connection.unread.append(buffer_, 0, static_cast<std::size_t>(size));
    take_frames(connection.unread);
  }
}

void SyslogReceiver::take_frames(std::string& unread) {
  while (!unread.empty()) {
    std::size_t begin = 0;
    std::size_t size = unread.find(wire_ == Wire::kTcp ? ' ' : '\n');
    if (size == std::string::npos) return;
    if (wire_ == Wire::kTcp) {
      begin = size + 1;
      const auto [end, error] = std::from_chars(unread.data(), unread.data() + begin, size);
      if (error != std::errc{} || *end != ' ') return messages_.push_back("malformed: " + std::exchange(unread, ""));
    }
    const std::size_t trailer = wire_ == Wire::kTcp ? 0 : 1;
    if (unread.size() < begin + size + trailer) return;
    messages_.push_back(unread.substr(begin, size));
    unread.erase(0, begin + size + trailer);
  }
}

}  // namespace brine::returners
