// The client's half of ZMTP 3 with the NULL mechanism (RFC 23 and 37 of rfc.zeromq.org): a DEALER, towards a ROUTER. Bytes in, frames
// out; no sockets. The command line speaks it itself because loading libzmq and its libraries takes longer than a whole `test.ping`.
// Confined to one connection.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <string>
#include <string_view>

#include "base/result.h"

namespace brine::net {

// What a client sends at once: greeting and READY. Messages wait until the reader is ready().
std::string zmtp_client_opening();

class ZmtpClientReader {
 public:
  explicit ZmtpClientReader(std::size_t frame_limit) : frame_limit_(frame_limit) {}

  // Takes bytes as they came: whole messages are appended to messages, answers to PING to out. An Error ends the connection.
  Status feed(std::string_view bytes, std::string& out, std::deque<std::string>& messages);

  // The peer's READY has come.
  bool ready() const { return ready_; }

 private:
  Result<std::size_t> greeting(std::string_view bytes);
  Result<std::size_t> frame(std::string_view bytes, std::string& out, std::deque<std::string>& messages);
  Status command(std::string_view body, std::string& out);

  const std::size_t frame_limit_;
  bool greeted_ = false;
  bool ready_ = false;
  std::string pending_;
};

}  // namespace brine::net
