// The syndics that hold a session with this master, and what minions and lower syndics have said about who is behind whom.
// Confined to the engine's loop.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/key_authority.h"
#include "engine/session.h"

namespace brine::engine {

class Gateways {
 public:
  struct Gateway {
    SessionRef session;
    std::string address;
    UnixMicros since = 0;  // of the session
  };

  explicit Gateways(const KeyAuthority& keys) : keys_(keys) {}

  // The session that it had before, if any.
  std::optional<SessionRef> open(const GatewayOpened& opened, UnixMicros now);
  // The id, if it was one that is here.
  std::optional<MinionId> close(SessionRef session);
  std::optional<SessionRef> session_of(const MinionId& id) const;
  const std::map<MinionId, Gateway>& all() const { return gateways_; }

  // Whether those who signed are who they say: the minion's accepted key, and accepted syndics. kDenied, with the reason.
  Status judge(const std::vector<store::Attachment>& chain) const;

 private:
  const KeyAuthority& keys_;
  std::map<MinionId, Gateway> gateways_;
};

}  // namespace brine::engine
