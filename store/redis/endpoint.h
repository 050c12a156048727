// Where a Redis is, read from state.url:
//
//   redis://host[:port][/database]                    port 6379, database 0
//   unix:///path/of/the.sock[?database=N]
//   redis+sentinel://host[:port][,host[:port]...]/name[/database]    port 26379
//
// User and password do not belong into the address (it is shown in logs): they come beside it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace brine::store::redis {

struct Address {
  std::string host;  // empty: path is that of a Unix socket
  std::uint16_t port = 0;
  std::string path;

  std::string text() const;
};

struct Endpoint {
  std::vector<Address> servers;  // exactly one, or the sentinels
  std::string master_name;       // not empty: the servers are sentinels, ask them for this name
  int database = 0;

  bool by_sentinel() const { return !master_name.empty(); }
  std::string text() const;
};

// kInvalid says what is wrong and shows the form.
Result<Endpoint> parse_endpoint(std::string_view url);

}  // namespace brine::store::redis
