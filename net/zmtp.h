// The server's half of ZMTP 3.1 with the NULL mechanism (RFC 23 and 37 of rfc.zeromq.org), for DEALER peers. Bytes in, frames out;
// no sockets. Strict: whatever a libzmq DEALER does not send is refused. ADR 2 says why this is not a libzmq ROUTER.
// Confined to one connection. Memory is bounded by the frame limit; a length that exceeds it is refused before its bytes are read.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace brine::net {

// What the server sends first: 64 bytes, and its READY command (Socket-Type ROUTER).
std::string zmtp_server_opening();

// Appends one message frame: flags, length, body.
void append_zmtp_message(std::string& out, std::string_view body);
// Appends a PING with this time to live.
void append_zmtp_ping(std::string& out, std::chrono::milliseconds time_to_live);

class ZmtpReader {
 public:
  explicit ZmtpReader(std::size_t frame_limit) : frame_limit_(frame_limit) {}

  void set_frame_limit(std::size_t bytes) { frame_limit_ = bytes; }

  // Takes bytes as they came. Whole messages are handed to on_message(std::string_view), answers to PING are appended to out.
  // An Error ends the connection; its message is for the log.
  template <typename OnMessage>
  Status feed(std::string_view bytes, std::string& out, OnMessage on_message) {
    const bool direct = pending_.empty();
    if (!direct) {
      pending_ += bytes;
      bytes = pending_;
    }
    std::size_t used = 0;
    while (true) {
      BRINE_LET(const Step step, next(bytes.substr(used), out));
      used += step.used;
      if (step.is_message) {
        if (!on_message(step.message)) return {};
      }
      if (step.used == 0) break;
    }
    if (direct) {
      pending_.assign(bytes.substr(used));
    } else {
      pending_.erase(0, used);
    }
    if (pending_.empty() && pending_.capacity() > kKeepCapacity) std::string().swap(pending_);
    return {};
  }

  // Bytes kept for a frame that is not complete.
  std::size_t pending_bytes() const { return pending_.capacity() > kKeepCapacity ? pending_.capacity() : pending_.size(); }
  bool opened() const { return state_ == State::kTraffic; }

 private:
  static constexpr std::size_t kKeepCapacity = 64;
  enum class State : unsigned char { kGreeting, kReady, kTraffic };
  struct Step {
    std::size_t used = 0;
    bool is_message = false;
    std::string_view message;
  };

  Result<Step> next(std::string_view bytes, std::string& out);
  Result<Step> greeting(std::string_view bytes);
  Result<Step> frame(std::string_view bytes, std::string& out);
  Status command(std::string_view body, std::string& out);
  Status ready(std::string_view properties);

  std::size_t frame_limit_;
  State state_ = State::kGreeting;
  std::string pending_;
};

}  // namespace brine::net
