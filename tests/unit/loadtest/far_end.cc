#include "tests/unit/loadtest/far_end.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace brine::loadtest {

bool wait_readable(int fd) {
  pollfd item{fd, POLLIN, 0};
  return ::poll(&item, 1, static_cast<int>(kPatience.count())) > 0;
}

FarEnd::FarEnd() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  listen(reinterpret_cast<const sockaddr*>(&address), sizeof address, AF_INET);
  socklen_t size = sizeof address;
  ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
}

FarEnd::FarEnd(const std::string& socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, socket.c_str(), sizeof address.sun_path - 1);
  listen(reinterpret_cast<const sockaddr*>(&address), sizeof address, AF_UNIX);
}

void FarEnd::listen(const sockaddr* address, socklen_t size, int family) {
  listener_.reset(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::bind(listener_.get(), address, size), 0) << std::strerror(errno);
  EXPECT_EQ(::listen(listener_.get(), 16), 0);
}

void FarEnd::accept() {
  EXPECT_TRUE(wait_readable(listener_.get()));
  connection_.reset(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  reader_ = net::ZmtpReader(1U << 20);
  messages_.clear();
}

std::string FarEnd::peer() const {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ::getpeername(connection_.get(), reinterpret_cast<sockaddr*>(&address), &size);
  char text[INET_ADDRSTRLEN] = {};
  ::inet_ntop(AF_INET, &address.sin_addr, text, sizeof text);
  return text;
}

void FarEnd::write(std::string_view bytes) { EXPECT_TRUE(write_all(connection_.get(), bytes)); }

void FarEnd::say(std::string_view message) {
  std::string bytes;
  net::append_zmtp_message(bytes, message);
  write(bytes);
}

ssize_t FarEnd::read_some() {
  if (!wait_readable(connection_.get())) return 0;
  char buffer[4'096];
  const ssize_t got = ::read(connection_.get(), buffer, sizeof buffer);
  if (got <= 0) return got;
  std::string replies;
  const auto fed = reader_.feed({buffer, static_cast<std::size_t>(got)}, replies, [this](std::string_view message) {
    messages_.emplace_back(message);
    return true;
  });
  EXPECT_TRUE(fed) << fed.error().message;
  if (!replies.empty()) write(replies);
  return got;
}

void FarEnd::take_opening() {
  while (!reader_.opened() && read_some() > 0) {
  }
  EXPECT_TRUE(reader_.opened());
}

std::string FarEnd::hear() {
  while (messages_.empty()) {
    if (read_some() <= 0) return "";
  }
  std::string message = std::move(messages_.front());
  messages_.pop_front();
  return message;
}

bool FarEnd::has_something() const {
  pollfd item{connection_.get(), POLLIN, 0};
  return !messages_.empty() || ::poll(&item, 1, 0) > 0;
}

int FarEnd::end() {
  while (true) {
    const ssize_t got = read_some();
    if (got == 0) return 0;
    if (got < 0) return errno;
  }
}

}  // namespace brine::loadtest
