// The Lua scripts: every step that has to be atomic in Redis. Each runs on keys of one slot only.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "store/redis/connection.h"

namespace brine::store::redis {

enum class Script : std::uint8_t {
  kClaim,      // a job's record, if its jid is free
  kPublish,    // submissions, feed, open jobs
  kReturns,    // first returns and the outbox
  kEvents,     // events and the outbox
  kRemember,   // keys, grains, journals, mine, settings
  kPositions,  // of returners
  kTrim,       // the outbox's oldest entries
  kForget,     // jobs from feed and indexes
  kLease,      // of a master
  kLeave,
  kArrived,  // minions at a master
  kWent,
  kRunning,
  kTokens,  // new ones, and those to forget
  kJoin,    // a key for one use of a token
  kDepart,  // minions that have gone for good
};
inline constexpr std::size_t kScripts = 16;

// Their names on one server, which keeps them until it restarts.
class Scripts {
 public:
  static Result<Scripts> load(Connection& connection);
  // Puts a call into the pipeline.
  void call(Connection& connection, Script script, const Words& keys, const Words& arguments) const;

 private:
  std::array<std::string, kScripts> names_;
};

}  // namespace brine::store::redis
