// What all links of one loop of the swarm share. Confined to that loop.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/result.h"
#include "loadtest/client_stream.h"

namespace brine::loadtest {

struct Destination {
  sockaddr_storage address{};
  socklen_t size = 0;
};
// By endpoint; resolved once, at the start. kInvalid for one that is no tcp://host:port; kUnavailable when the host has no address.
using Destinations = std::map<std::string, Destination, std::less<>>;
Result<Destinations> resolve(const std::vector<std::string>& endpoints);

bool all_loopback(const Destinations& destinations);

// 127.1.0.1 and on: 250 in each /24.
in_addr source_address(std::uint32_t number);

struct LinkSettings {
  Destinations destinations;
  StreamOptions stream;
  bool source_ips = false;
  int epoll = -1;
  // Sockets of black holes: open, but served by nobody until their time.
  std::vector<std::pair<MonoTime, Fd>> abandoned;
  std::vector<char> read_buffer = std::vector<char>(64U << 10);
};

}  // namespace brine::loadtest
