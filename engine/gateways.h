// The syndics that hold a session with this master, and the judgement of what they say about who is behind them.
// Confined to the engine's loop.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "engine/key_authority.h"
#include "engine/ports.h"
#include "engine/roster.h"
#include "engine/session.h"

namespace brine::engine {

class Gateways {
 public:
  struct Gateway {
    SessionRef session;
    std::string address;
    UnixMicros since = 0;  // of the session
  };
  struct Parts {
    const KeyAuthority& keys;
    Roster& roster;
    engine::Gateway& gateway;
    EventSink& events;
    const Clock& clock;
  };

  explicit Gateways(Parts parts) : parts_(parts) {}

  // A session of a syndic; ends it, if its key is not accepted (any more), or the one that the same syndic had before.
  void opened(const GatewayOpened& opened);
  // Sessions that are not a syndic's are ignored.
  void closed(SessionRef session);
  // It is no longer one of ours: its session ends, and those of all that are behind it.
  void withdrawn(const MinionId& id, std::string_view why);

  // Whether a minion that a syndic reports is let in; its session has been ended if not.
  bool admits(const SessionOpened& opened, const Minion& minion);
  // Until when a syndic that shows this chain may have taken returns of its minion: jobs of later do not count. 0: it never could.
  UnixMicros trusted_until(const std::vector<store::Attachment>& chain) const;

  const std::map<MinionId, Gateway>& all() const { return gateways_; }

 private:
  Status judge(const std::vector<store::Attachment>& chain) const;
  void tell(const MinionId& id, std::string_view what, const std::string& address) const;

  const Parts parts_;
  std::map<MinionId, Gateway> gateways_;
};

}  // namespace brine::engine
