// The command line's end of a master's operator socket: one connection, frames as wire/operator.h makes them.
//
// It ends with its master: no reconnecting in here. Half-open links (a stopped master) are noticed by ZMTP heartbeats.
// Starts no thread and loads no library. Confined to one thread.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/file.h"
#include "base/result.h"
#include "net/zmtp_client.h"

namespace brine::net {

struct OperatorClientOptions {
  milliseconds connect_timeout{5'000};
  milliseconds heartbeat{5'000};           // silence after which the master is pinged
  milliseconds heartbeat_timeout{12'000};  // silence after which it is given up
  std::size_t max_message = 1U << 30;
};

class OperatorClient {
 public:
  // kUnavailable, at once, when there is no such socket or nobody accepts; kDenied when this user may not use it.
  static Result<std::unique_ptr<OperatorClient>> connect(const std::string& socket_path, OperatorClientOptions options = {});

  // Never waits: receive() moves along what the kernel does not take now. A loss is told by receive(), after what had come before it.
  void send(std::string_view frame);

  // The next frame; none when nothing came within this time, or when stop_fd (-1: none) became readable. kUnavailable: the connection is
  // lost; kInvalid: the other end speaks something else.
  Result<std::optional<std::string>> receive(milliseconds longest, int stop_fd = -1);

 private:
  OperatorClient(Fd socket, OperatorClientOptions options);
  bool wait(milliseconds longest, int stop_fd);
  void write_some();
  void read_some();
  void beat(MonoTime now);
  milliseconds until_beat(MonoTime now) const;

  const OperatorClientOptions options_;
  Fd socket_;
  ZmtpClientReader reader_;
  std::string outgoing_;
  std::string held_;  // until the handshake is over
  std::deque<std::string> frames_;
  MonoTime heard_;
  bool pinged_ = false;
  std::optional<Error> end_;  // why the connection is over
};

// True when the descriptor has something to read, or its other end is closed. Does not wait.
bool is_readable(int fd);

}  // namespace brine::net
