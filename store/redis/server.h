// Finding the server to talk to, and judging whether it can be used.
#pragma once

#include <string>

#include "base/result.h"
#include "store/redis/connection.h"
#include "store/redis/endpoint.h"
#include "store/redis_store.h"

namespace brine::store::redis {

// A connection to the server, or to whoever the sentinels say is master now. Blocks for patience for each of them.
Result<Connection> connect_server(const Endpoint& endpoint, const Login& login, milliseconds patience);

struct ServerFacts {
  int replicas = 0;         // that are known, connected or not
  bool persistent = false;  // it writes a log or snapshots
};

// kUnsupported: too old, evicts keys, or does not sync as durability asks; kUnavailable: a replica.
// Names the history of writes that the server goes on with: another one when a replica has taken over, or the server was started again.
Result<std::string> history_of(Connection& connection);

Result<ServerFacts> judge_server(Connection& connection, const Endpoint& endpoint, RedisDurability durability, milliseconds patience);

}  // namespace brine::store::redis
