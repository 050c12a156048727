// IPv4 and IPv6 addresses and networks, as -S and S@ take them: "10.1.2.3", "10.1.0.0/16", "10.1.0.0/255.255.0.0", "fe80::/10".
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "target/caret.h"

namespace brine::target {

enum class Family { kIpv4, kIpv6 };

struct Address {
  Family family = Family::kIpv4;
  std::array<std::uint8_t, 16> bytes{};  // IPv4: the first four

  // A zone ("%eth0") is ignored. Nothing for text that is no address.
  static std::optional<Address> parse(std::string_view text);
  int bits() const { return family == Family::kIpv4 ? 32 : 128; }
};

class Subnet {
 public:
  // An address alone is a network of one. As in Salt, bits behind the prefix must be zero: the message says which network was meant.
  static Parsed<Subnet> parse(std::string_view text);

  Family family() const { return base_.family; }
  bool contains(const Address& address) const;
  // False for text that is no address.
  bool contains(std::string_view address) const;

 private:
  Address base_;
  int prefix_ = 0;
};

}  // namespace brine::target
