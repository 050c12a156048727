// Just enough of HTTP to ask a server of metrics/, and sockets that say nothing.
#pragma once

#include <cstdint>
#include <string>

#include "base/file.h"

namespace brine::metrics {

struct HttpReply {
  int status = 0;  // 0: no answer
  std::string head;
  std::string body;
};

// A connection to 127.0.0.1; not valid() when nobody listens there.
Fd connect_to(std::uint16_t port);
// Sends the request line and reads until the server closes.
HttpReply ask(std::uint16_t port, const std::string& path, const std::string& method = "GET");

}  // namespace brine::metrics
