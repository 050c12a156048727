// Addresses as they stand in the configuration.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace brine::config {

// A host (name or IP address, IPv6 without brackets) and a port, or a local socket. Names are not resolved here.
struct Address {
  std::string host;        // empty for a local socket
  std::uint16_t port = 0;  // 0: not given
  std::string ipc_path;    // of a local socket

  bool is_ipc() const { return !ipc_path.empty(); }
  // As ZeroMQ writes it: "tcp://host:port", "tcp://[::1]:4506", "ipc:///run/x".
  std::string endpoint() const;
  auto operator<=>(const Address&) const = default;
};

// "host", "host:port", "[::1]:port", "::1", each also with "tcp://" in front, or "ipc:///path". Empty when it is none of these.
std::optional<Address> parse_address(std::string_view text);

}  // namespace brine::config
