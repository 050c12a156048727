#include "config/address.h"

#include <algorithm>
#include <charconv>

namespace brine::config {
namespace {

constexpr std::size_t kLongestHost = 253;
constexpr std::size_t kLongestPath = 107;  // sun_path of unix(7), less its NUL

bool is_host(std::string_view host) {
  return !host.empty() && host.size() <= kLongestHost && std::ranges::all_of(host, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '_';
  });
}

// Scoped addresses ("fe80::1%eth0") included.
bool is_ipv6(std::string_view host) {
  const std::string_view address = host.substr(0, host.find('%'));
  if (std::ranges::count(address, ':') < 2 || address.find_first_not_of("0123456789abcdefABCDEF:.") != std::string_view::npos) return false;
  return address.size() == host.size() || is_host(host.substr(address.size() + 1));
}

std::optional<Address> with_port(std::string_view host, std::string_view port) {
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (port.empty() || error != std::errc{} || end != port.data() + port.size()) return std::nullopt;
  return Address{.host = std::string(host), .port = number};
}

std::optional<Address> parse_bracketed(std::string_view text) {
  const std::size_t close = text.find(']');
  if (close == std::string_view::npos || !is_ipv6(text.substr(1, close - 1))) return std::nullopt;
  const std::string_view host = text.substr(1, close - 1);
  const std::string_view rest = text.substr(close + 1);
  if (rest.empty()) return Address{.host = std::string(host)};
  return rest.starts_with(':') ? with_port(host, rest.substr(1)) : std::nullopt;
}

}  // namespace

std::string Address::endpoint() const {
  if (is_ipc()) return "ipc://" + ipc_path;
  const bool bracketed = host.contains(':');
  return "tcp://" + (bracketed ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::optional<Address> parse_address(std::string_view text) {
  if (text.starts_with("ipc://")) {
    const std::string_view path = text.substr(6);
    if (!path.starts_with('/') || path.size() > kLongestPath || path.contains('\0')) return std::nullopt;
    return Address{.ipc_path = std::string(path)};
  }
  if (text.starts_with("tcp://")) text.remove_prefix(6);
  if (text.starts_with('[')) return parse_bracketed(text);
  if (is_ipv6(text)) return Address{.host = std::string(text)};
  const std::size_t colon = text.find(':');
  const std::string_view host = text.substr(0, colon);
  if (!is_host(host)) return std::nullopt;
  if (colon == std::string_view::npos) return Address{.host = std::string(host)};
  return with_port(host, text.substr(colon + 1));
}

}  // namespace brine::config
