// The shared store: one Redis (6.2 or newer) for any number of masters of one cluster (DESIGN.md section 5).
//
// One connection writes, others read, one waits for news. After any failure everything is refused until reopen(), which connects again
// (by Sentinel to whoever is master then) and verifies that it is still the same store, by its epoch.
//
// What Redis itself may lose is in docs/clusters.md; Durability closes it as far as Redis can.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "store/shared_store.h"

namespace brine::store {

enum class RedisDurability : std::uint8_t {
  kAsync,       // acknowledged when the server has it in memory
  kReplicated,  // when a majority of its replicas has it too
  kSynced,      // the server syncs its log before it answers (appendfsync always): otherwise it is refused
};

struct RedisOptions {
  std::string url;  // store/redis/endpoint.h
  std::string user;
  std::string password_file;
  std::string cluster;  // apart from others on the same server
  RedisDurability durability = RedisDurability::kAsync;
  milliseconds patience{3'000};  // for a connection, and for every answer
};

// Opens, or creates with a random epoch. Blocks for the network.
// kUnavailable: no server answers, or it takes no changes now. kDenied: user, password or rights. kInvalid: the address. kUnsupported: the
// server is too old, or not configured for what is asked of it. kCorrupt: it holds something else.
Result<std::unique_ptr<SharedStore>> open_redis_store(const RedisOptions& options);

}  // namespace brine::store
