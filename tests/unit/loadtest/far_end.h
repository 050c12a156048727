// The other end of a connection under test: a listening socket (tcp on a free loopback port, or ipc), and one connection that it accepts,
// speaking ZMTP as a server. Reads and writes wait, at most kPatience.
#pragma once

#include <netinet/in.h>

#include <deque>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/file.h"
#include "net/zmtp.h"

namespace brine::loadtest {

inline constexpr milliseconds kPatience{30'000};

class FarEnd {
 public:
  FarEnd();                                    // tcp
  explicit FarEnd(const std::string& socket);  // ipc

  // "tcp://127.0.0.1:port"
  std::string endpoint() const { return "tcp://127.0.0.1:" + std::to_string(port_); }

  // Takes the next connection; what was of the one before is forgotten.
  void accept();
  // The address the connection comes from.
  std::string peer() const;
  void write(std::string_view bytes);
  // Waits for the client's opening.
  void take_opening();
  void say(std::string_view message);
  // Waits for the next message; empty at the end of the connection.
  std::string hear();
  // What has come up to now.
  bool has_something() const;
  // Waits for the end of the connection: the errno of the read, 0 for an orderly one.
  int end();
  void close() { connection_.reset(); }

 private:
  void listen(const sockaddr* address, socklen_t size, int family);
  ssize_t read_some();

  Fd listener_;
  Fd connection_;
  std::uint16_t port_ = 0;
  net::ZmtpReader reader_{1U << 20};
  std::deque<std::string> messages_;
};

// Lets a descriptor's next event come, or gives up.
bool wait_readable(int fd);

}  // namespace brine::loadtest
