// One connection's ZMTP stream, client side, without its socket: what has come, what waits to be written, and the heartbeats that tell
// a half-open link. Bytes in, bytes out.
//
// PINGs go out as libzmq sends them: one every `heartbeat` whatever else is said; the link is given up when nothing at all has come
// for `heartbeat_timeout`. What waits is bounded: queue() refuses what goes beyond. Confined to one loop.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "net/zmtp_client.h"

namespace brine::loadtest {

struct StreamOptions {
  milliseconds heartbeat{5'000};
  milliseconds heartbeat_timeout{12'000};
  std::size_t max_message = 16U << 20;
  std::size_t max_output = 8U << 20;
};

class ClientStream {
 public:
  // options has to outlive the stream. The opening waits to be written at once.
  ClientStream(const StreamOptions& options, MonoTime now);

  // Bytes as they came: whole messages are appended. An Error ends the connection.
  Status take(std::string_view bytes, std::deque<std::string>& messages, MonoTime now);
  // The peer's READY has come: messages may be queued.
  bool ready() const { return reader_.ready(); }

  // False: not ready, or more than max_output would wait.
  bool queue(std::string_view message);
  std::string_view waiting() const { return std::string_view(out_).substr(written_); }
  void written(std::size_t bytes);
  void discard();  // what waits

  // Queues a PING when it is time. kTimeout: the peer has been silent for too long.
  Status beat(MonoTime now);
  // When beat() has something to do next; never before ready().
  MonoTime next_beat() const;

 private:
  const StreamOptions& options_;
  net::ZmtpClientReader reader_;
  std::string out_;
  std::size_t written_ = 0;
  MonoTime heard_;
  MonoTime next_ping_;
};

}  // namespace brine::loadtest
