// Where syslog messages are sent, as the configuration says it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace brine::config {

struct SyslogAddress {
  enum class Transport : std::uint8_t { kUnix, kTcp, kUdp };
  Transport transport = Transport::kUnix;
  std::string path;        // kUnix
  std::string host;        // the others: a name or an IP address, IPv6 without brackets. Names are not resolved here
  std::uint16_t port = 0;  // 514 for udp and 601 for tcp when none is given (RFC 5426, RFC 6587)
};

// "unix:///path", "tcp://host:port", "udp://host:port". kInvalid with what to correct.
Result<SyslogAddress> parse_syslog_address(std::string_view text);

}  // namespace brine::config
