#include "tests/unit/net/face_harness.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>

#include "net/zmtp.h"

namespace brine::net {

void FaceRecord::opened(Opened event) {
  {
    std::lock_guard lock(mutex_);
    opened_.push_back(std::move(event));
  }
  changed_.notify_all();
}

void FaceRecord::closed() {
  {
    std::lock_guard lock(mutex_);
    ++closed_;
  }
  changed_.notify_all();
}

void FaceRecord::said(std::string_view message) {
  {
    std::lock_guard lock(mutex_);
    said_.emplace_back(message);
  }
  changed_.notify_all();
}

bool FaceRecord::eventually(const std::function<bool()>& condition) const {
  const MonoTime deadline = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, milliseconds(5));
  }
  return true;
}

std::vector<FaceRecord::Opened> FaceRecord::all_opened() const {
  std::lock_guard lock(mutex_);
  return opened_;
}

std::size_t FaceRecord::closed_count() const {
  std::lock_guard lock(mutex_);
  return closed_;
}

std::vector<std::string> FaceRecord::all_said() const {
  std::lock_guard lock(mutex_);
  return said_;
}

void FaceRecord::set_full(bool full) {
  std::lock_guard lock(mutex_);
  full_ = full;
}

bool FaceRecord::takes() {
  std::lock_guard lock(mutex_);
  if (full_) ++not_taken_;
  changed_.notify_all();
  return !full_;
}

std::size_t FaceRecord::not_taken() const {
  std::lock_guard lock(mutex_);
  return not_taken_;
}

void WordHandler::on_open(ConnectionId connection, const Peer& peer) { record_->opened({loop_.index(), connection, peer}); }

void WordHandler::on_message(ConnectionId connection, std::string_view message) {
  record_->said(message);
  if (message == "auth") loop_.authenticated(connection);
  if (message == "pause") loop_.pause_reading(connection);
  if (message == "drop") return loop_.close(connection, false);
  if (message == "flood") {
    while (loop_.send(connection, std::string(4096, 'f'))) {
    }
    return;
  }
  if (message == "bye") {
    loop_.send(connection, std::string(1U << 20, 'b'));
    return loop_.close(connection);
  }
  loop_.send(connection, message);
}

void WordHandler::on_close(ConnectionId connection) {
  static_cast<void>(connection);
  record_->closed();
}

Result<std::unique_ptr<Face>> open_face(const FaceOptions& options, const std::shared_ptr<FaceRecord>& record) {
  return Face::open(options, [record](FaceLoop& loop) { return std::make_unique<WordHandler>(loop, record); });
}

FaceHarness::FaceHarness(FaceOptions options) : ipc_path_(folder_ / "face.ipc") {
  options.name = "face";
  if (options.tcp_interface.empty()) options.tcp_interface = "127.0.0.1";
  if (options.ipc_path.empty()) options.ipc_path = ipc_path_;
  face_ = open_face(options, record_).value();
  face_->start();
}

namespace {

Fd connected(int family, const sockaddr* address, socklen_t size) {
  Fd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience{.tv_sec = kPatience.count() / 1000, .tv_usec = 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (::connect(fd.get(), address, size) != 0) ADD_FAILURE() << "cannot connect: " << std::strerror(errno);
  return fd;
}

}  // namespace

RawPeer::RawPeer(Fd fd) : fd_(std::move(fd)) {}

RawPeer RawPeer::over_tcp(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return RawPeer(connected(AF_INET, reinterpret_cast<const sockaddr*>(&address), sizeof address));
}

RawPeer RawPeer::over_ipc(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return RawPeer(connected(AF_UNIX, reinterpret_cast<const sockaddr*>(&address), sizeof address));
}

// The other end may close while we send: what matters shows when we read.
void RawPeer::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

bool RawPeer::read_some() {
  char buffer[65536];
  const ssize_t count = ::recv(fd_.get(), buffer, sizeof buffer, 0);
  if (count <= 0) return false;
  EXPECT_TRUE(reader_.feed({buffer, static_cast<std::size_t>(count)}, answers_, messages_));
  return true;
}

void RawPeer::open() {
  send(zmtp_client_opening());
  while (!reader_.ready()) ASSERT_TRUE(read_some()) << "the connection ended before READY";
}

void RawPeer::authenticate() {
  open();
  send_message("auth");
  EXPECT_EQ(receive(), "auth");
}

void RawPeer::send_message(std::string_view body) {
  std::string bytes;
  append_zmtp_message(bytes, body);
  send(bytes);
}

std::string RawPeer::receive() {
  while (messages_.empty()) {
    if (read_some()) continue;
    ADD_FAILURE() << "the connection ended before a message came";
    return {};
  }
  std::string message = std::move(messages_.front());
  messages_.pop_front();
  return message;
}

bool RawPeer::is_answered() {
  while (answers_.empty()) {
    if (!read_some()) return false;
  }
  ++pings_;
  send(std::exchange(answers_, {}));
  return true;
}

bool RawPeer::is_closed() {
  char buffer[65536];
  ssize_t count = 0;
  while ((count = ::recv(fd_.get(), buffer, sizeof buffer, 0)) > 0) {
  }
  return count == 0 || errno == ECONNRESET;
}

void RawPeer::reset() {
  const linger hard{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  fd_.reset();
}

}  // namespace brine::net
