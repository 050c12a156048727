#include "loadtest/link_settings.h"

#include <netdb.h>

#include <cstring>

namespace brine::loadtest {
namespace {

constexpr std::string_view kScheme = "tcp://";
constexpr std::uint32_t kPerNetwork = 250;

Result<Destination> resolve_one(const std::string& endpoint) {
  const std::size_t colon = endpoint.rfind(':');
  if (!endpoint.starts_with(kScheme) || colon <= kScheme.size())
    return fail(Code::kInvalid, "'" + endpoint + "' is not of the form tcp://host:port");
  std::string host = endpoint.substr(kScheme.size(), colon - kScheme.size());
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(host.c_str(), endpoint.c_str() + colon + 1, &hints, &found); error != 0)
    return fail(Code::kUnavailable, "'" + endpoint + "': " + ::gai_strerror(error));
  Destination destination;
  destination.size = found->ai_addrlen;
  std::memcpy(&destination.address, found->ai_addr, found->ai_addrlen);
  ::freeaddrinfo(found);
  return destination;
}

bool is_loopback(const Destination& destination) {
  const auto& address = reinterpret_cast<const sockaddr_in&>(destination.address);
  return destination.address.ss_family == AF_INET && ntohl(address.sin_addr.s_addr) >> 24 == 127;
}

}  // namespace

Result<Destinations> resolve(const std::vector<std::string>& endpoints) {
  Destinations destinations;
  for (const std::string& endpoint : endpoints) {
    BRINE_LET(destinations[endpoint], resolve_one(endpoint));
  }
  return destinations;
}

bool all_loopback(const Destinations& destinations) {
  for (const auto& [endpoint, destination] : destinations) {
    if (!is_loopback(destination)) return false;
  }
  return true;
}

in_addr source_address(std::uint32_t number) {
  const std::uint32_t network = number / kPerNetwork;
  return {htonl(127U << 24 | (1 + network / 256 % 250) << 16 | network % 256 << 8 | (1 + number % kPerNetwork))};
}

}  // namespace brine::loadtest
