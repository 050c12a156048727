// The accepted minions as they are now: which session holds each, since when one is away, and the open jobs each still owes.
// Confined to the engine's loop.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "engine/session.h"

namespace brine::engine {

struct OpenJob;

struct Minion {
  std::optional<SessionRef> session;
  std::string elsewhere;         // the other master that holds its session; empty: none
  std::uint64_t generation = 0;  // of the newest presence known, over all masters
  bool arriving = false;         // the generation of `session` is not known yet
  std::uint64_t instance = 0;
  JournalPosition journal;     // the furthest known
  bool journal_known = false;  // it was here last: no other master knows more
  std::string address;
  std::vector<MinionId> path;              // the syndics in between, from here on; kept when it is away
  bool gateway_lost = false;               // it is away because one of them is
  UnixMicros since = 0;                    // of the session; behind a syndic, as the minion dates it
  MonoTime away_since{};                   // while there is no session; at the earliest since the start of this master
  MonoTime gone_since{};                   // the same, as far back as the store knows it
  bool left = false;                       // it said goodbye: not waited for
  bool seen = false;                       // with this master or another one, since this one started
  bool master_went = false;                // its session ended because its master did: it looks for another one
  std::optional<std::size_t> grains_hash;  // of the text that index and store have
  std::vector<OpenJob*> owes;              // jobs that expect a return of it; owned by the job board
  // Takeovers between two instances with one key (a cloned machine).
  std::uint64_t previous_instance = 0;
  MonoTime takeover_window{};
  int takeovers = 0;

  // To this master or another one.
  bool connected() const { return session.has_value() || !elsewhere.empty(); }
};

// "eu-1/eu-1-b".
std::string name_of_path(const std::vector<MinionId>& path);

class Roster {
 public:
  explicit Roster(const Clock& clock) : clock_(clock) {}

  // An accepted minion, known from now on; away since now.
  Minion& add(const MinionId& id);
  void remove(const MinionId& id);
  Minion* find(const MinionId& id);
  const Minion* find(const MinionId& id) const;

  struct Opened {
    std::optional<SessionRef> displaced;
    bool duplicate = false;  // the third takeover within a minute: two machines hold one key
  };
  Opened open(Minion& minion, const SessionOpened& opened);
  // The minion whose session this was, or nullptr if it was displaced before.
  const MinionId* close(SessionRef session, EndReason reason);
  const MinionId* holder(SessionRef session) const;

  // It has lost its session with another master.
  void lost_elsewhere(Minion& minion, bool left);

  // The minion behind the session says how far its journal has come. Its id if that is news, or nullptr.
  const MinionId* journal_at(SessionRef session, JournalPosition position);

  std::size_t connected() const { return sessions_.size(); }
  std::vector<MinionId> connected_ids() const;
  const std::unordered_map<MinionId, Minion>& all() const { return minions_; }
  std::unordered_map<MinionId, Minion>& all() { return minions_; }

 private:
  struct SessionHash {
    std::size_t operator()(const SessionRef& ref) const noexcept {
      return std::hash<std::uint64_t>{}((ref.connection * 31 + ref.slot) * 31 + ref.loop);
    }
  };
  const Clock& clock_;
  std::unordered_map<MinionId, Minion> minions_;
  std::unordered_map<SessionRef, MinionId, SessionHash> sessions_;
  MinionId closed_;
};

}  // namespace brine::engine
