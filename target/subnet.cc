#include "target/subnet.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <string>

namespace brine::target {
namespace {

constexpr std::string_view kExpected = "an address or network is expected, such as 10.1.2.3, 10.1.0.0/16 or fd00::/8";

Address first_bits(const Address& address, int prefix) {
  Address masked = address;
  for (int i = 0; i < 16; ++i) {
    const int keep = std::clamp(prefix - 8 * i, 0, 8);
    masked.bytes[static_cast<std::size_t>(i)] &= static_cast<std::uint8_t>(0xff00U >> keep);
  }
  return masked;
}

std::string text_of(const Address& address) {
  char buffer[INET6_ADDRSTRLEN];
  inet_ntop(address.family == Family::kIpv4 ? AF_INET : AF_INET6, address.bytes.data(), buffer, sizeof buffer);
  return buffer;
}

std::optional<int> prefix_of_mask(const Address& mask) {
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < 4; ++i) bits = (bits << 8) | mask.bytes[i];
  const int ones = std::countl_one(bits);
  if (std::popcount(bits) != ones) return std::nullopt;
  return ones;
}

std::optional<int> parse_prefix(std::string_view text, const Address& base) {
  int prefix = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), prefix);
  if (error == std::errc() && end == text.data() + text.size()) {
    if (text.front() == '-' || prefix > base.bits()) return std::nullopt;
    return prefix;
  }
  const auto mask = Address::parse(text);
  if (!mask || mask->family != Family::kIpv4 || base.family != Family::kIpv4) return std::nullopt;
  return prefix_of_mask(*mask);
}

}  // namespace

std::optional<Address> Address::parse(std::string_view text) {
  text = text.substr(0, text.find('%'));
  char buffer[INET6_ADDRSTRLEN];
  if (text.empty() || text.size() >= sizeof buffer || text.find('\0') != std::string_view::npos) return std::nullopt;
  *std::ranges::copy(text, buffer).out = '\0';
  Address address;
  address.family = text.find(':') == std::string_view::npos ? Family::kIpv4 : Family::kIpv6;
  if (inet_pton(address.family == Family::kIpv4 ? AF_INET : AF_INET6, buffer, address.bytes.data()) != 1) return std::nullopt;
  return address;
}

Parsed<Subnet> Subnet::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto base = Address::parse(text.substr(0, slash));
  if (!base) return mistake(0, std::string(kExpected));
  Subnet subnet;
  subnet.base_ = *base;
  subnet.prefix_ = base->bits();
  if (slash == std::string_view::npos) return subnet;
  const auto prefix = parse_prefix(text.substr(slash + 1), *base);
  if (!prefix) return mistake(slash + 1, fmt::format("a prefix length from 0 to {} is expected after '/'", base->bits()));
  const Address network = first_bits(*base, *prefix);
  if (network.bytes != base->bytes)
    return mistake(0, fmt::format("the address has bits set behind /{0}; the network is {1}/{0}", *prefix, text_of(network)));
  subnet.prefix_ = *prefix;
  return subnet;
}

bool Subnet::contains(const Address& address) const {
  return address.family == base_.family && first_bits(address, prefix_).bytes == base_.bytes;
}

bool Subnet::contains(std::string_view address) const {
  const auto parsed = Address::parse(address);
  return parsed && contains(*parsed);
}

}  // namespace brine::target
