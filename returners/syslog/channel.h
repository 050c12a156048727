// One connection to a syslog server: messages go in, and it is known which of them are safe on the other side.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "config/syslog_address.h"

namespace brine::returners {

// What became of some messages.
struct Sent {
  std::size_t confirmed = 0;  // so many, from the first on
  bool too_long = false;      // the one after them is longer than this transport carries: leave it out. The connection is still good
  Status status;              // why the others have to be sent again, on a new connection
};

// Confined to one thread. Syslog has no acknowledgements; confirmed means
//   tcp: the other side's kernel has acknowledged every byte, and the connection was still open afterwards;
//   unix: the other side has taken all of it from its socket, and, if it is a stream, was still there afterwards;
//   udp: it was sent, and nobody has said that the port is closed.
class Channel {
 public:
  virtual ~Channel() = default;
  // False when the other side is known to have gone.
  virtual bool is_open() = 0;
  virtual Sent send(std::span<const std::string> messages, MonoTime deadline, const std::stop_token& stop) = 0;
};

// Resolves names (the one step that may take longer than deadline: as long as the system's resolver takes) and connects. A local socket is
// tried for datagrams first, then as a stream. longest: of a message, for the size of buffers.
Result<std::unique_ptr<Channel>> open_channel(const config::SyslogAddress& address, std::size_t longest, MonoTime deadline,
                                              const std::stop_token& stop);

}  // namespace brine::returners
