// Who may be a minion: the state of every key, who may enter under which id, and what operators decide about it.
//
// Confined to the engine's loop. Changes are committed by the ledger before they act (accept) or are answered; reject and delete
// end the session of that one minion and touch no other. Records are signed by the master that made them over
//   "brine-key-v1" NUL cluster NUL id NUL state NUL hex(public key) NUL index NUL version NUL changed [NUL kind, if it is no minion's]
// so that whoever can write the store can accept nobody. Records that do not verify are ignored, and said so in the log.
#pragma once

#include <functional>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/join_tokens.h"
#include "engine/ledger.h"
#include "engine/ports.h"
#include "engine/session.h"
#include "store/records.h"

namespace brine::engine {

// The names that are signed, and that users see.
std::string_view to_string(store::KeyKind kind);

struct KeyPolicy {
  std::string cluster;
  bool auto_accept = false;
  // Decides whether this id is accepted without an operator (autosign_file). May be empty.
  std::function<bool(const MinionId&)> autosign;
  std::size_t pending_max = 1'000;
  seconds pending_life{86'400};
  milliseconds acceptance_wait{10'000};  // told to those who wait
};

struct KeyCounts {
  std::size_t accepted = 0;
  std::size_t pending = 0;
  std::size_t rejected = 0;
  std::size_t denied = 0;
};

struct KeyList {
  std::vector<MinionId> accepted;
  std::vector<MinionId> pending;
  std::vector<MinionId> rejected;
  std::vector<MinionId> denied;
};

class KeyAuthority {
 public:
  struct Listener {
    std::function<void(const MinionId&)> accepted;
    std::function<void(const MinionId&, std::string_view why)> withdrawn;                       // rejected or deleted
    std::function<void(const MinionId&, std::string_view act, std::string_view address)> seen;  // for events: pend, denied, ...
    // A key was refreshed while a change of it was on its way: which of the two was later only the store knows. May be empty.
    std::function<void()> overtaken;
    // Was away for too long, and is forgotten.
    std::function<void(const MinionId&)> reaped = {};
    // Was not: what the store holds of it is not what is known here.
    std::function<void(const MinionId&)> kept = {};
  };

  KeyAuthority(Ledger& ledger, Notary& notary, const Clock& clock, KeyPolicy policy, Listener listener);

  // What the store holds. Unsigned or badly signed records are left out. last_index: the highest index ever given, as far as is known.
  void load(const std::vector<store::KeyRecord>& records, std::uint32_t last_index);

  // What lets minions in without an operator, apart from the policy. Must outlive this.
  void use_tokens(JoinTokens& tokens) { tokens_ = &tokens; }

  // done may be called at once or after a commit, on the engine's loop (through post).
  void admit(const AdmissionRequest& request, std::function<void(Admission)> done);

  enum class Change : std::uint8_t { kAccept, kReject, kDelete };
  struct Selection {
    std::function<bool(const MinionId&)> matches;
    bool pending = true;
    bool accepted = false;
    bool rejected = false;
    bool denied = false;
  };
  // done gets what was changed, in the lists it was in before.
  void change(Change what, const Selection& selection, std::function<void(Result<KeyList>)> done);

  // Ephemeral minions that were away for too long: forgotten where the store still holds the same of them.
  void reap(const std::vector<store::Departure>& departures);
  std::size_t ephemeral() const { return ephemeral_count_; }

  KeyList list() const;
  // Of every state, without looking through the keys.
  KeyCounts counts() const;
  const store::KeyRecord* find(const MinionId& id, bool denied = false) const;
  std::vector<MinionId> accepted() const;
  bool is_accepted(const MinionId& id) const;

  // Of every id, denied ones too; and a number that grows whenever one of them changes.
  std::vector<store::KeyRecord> records() const;
  std::uint64_t revision() const { return revision_; }
  std::uint32_t highest_index() const;

  // What the store holds of these ids now: others have changed it. Ids without a record are forgotten.
  void refresh(const std::vector<MinionId>& ids, const std::vector<store::KeyRecord>& records);
  // The same, where `records` is all there is.
  void refresh_all(const std::vector<store::KeyRecord>& records);

  // Numbers that this master alone may give. Until the first call: all above the highest that is known.
  void reserve(std::uint32_t first, std::uint32_t count);
  std::uint32_t reserved() const { return index_limit_ - last_index_; }

  // Forgets pending keys that nobody decided about in time.
  void tick();

  // How a completion on another thread comes back to the engine's loop.
  void set_post(std::function<void(std::function<void()>)> post) { post_ = std::move(post); }

  // What its listener is told now was changed by another master.
  bool refreshing() const { return refreshing_; }

 private:
  struct UnderWay {
    int commits = 0;
    bool overtaken = false;
  };

  Admission judge(const store::KeyRecord& record, const AdmissionRequest& request) const;
  void join(const AdmissionRequest& request, const store::TokenRecord& token, std::function<void(Admission)> done);
  const store::TokenRecord* shown_token(const AdmissionRequest& request) { return tokens_ == nullptr ? nullptr : tokens_->judge(request); }
  void enrol(const AdmissionRequest& request, std::function<void(Admission)> done);
  void deny(const AdmissionRequest& request, std::function<void(Admission)> done);
  Admission waiting() const;
  store::KeyRecord make(const MinionId& id, store::KeyState state, const std::string& public_key, store::KeyKind kind,
                        const store::KeyRecord* before) const;
  std::string text_of(const store::KeyRecord& record) const;
  void commit(std::vector<store::KeyRecord> records, std::vector<std::pair<MinionId, bool>> forgotten, std::function<void(Status)> done);
  void commit(Ledger::KeyChange change, std::function<void(Status)> done);
  void count(const store::KeyRecord& record, bool in);
  bool erase(const MinionId& id);
  void arrived(const std::set<MinionId>& ids);
  void apply(const store::KeyRecord& record);
  void take(const store::KeyRecord& record);
  void drop(const MinionId& id);

  bool refreshing_ = false;
  Ledger& ledger_;
  Notary& notary_;
  const Clock& clock_;
  const KeyPolicy policy_;
  const Listener listener_;
  std::function<void(std::function<void()>)> post_;
  std::map<MinionId, store::KeyRecord> keys_;  // pending, accepted, rejected
  std::map<MinionId, store::KeyRecord> denied_;
  std::map<MinionId, MonoTime> denied_written_;
  std::set<MinionId> enrolling_;  // accepted without an operator, the commit is under way
  std::map<MinionId, UnderWay> under_way_;
  std::uint64_t revision_ = 0;
  std::size_t pending_count_ = 0;    // of keys_
  std::size_t accepted_count_ = 0;   // of keys_
  std::size_t ephemeral_count_ = 0;  // of keys_
  JoinTokens* tokens_ = nullptr;
  mutable std::uint32_t last_index_ = 0;
  std::uint32_t index_limit_ = std::numeric_limits<std::uint32_t>::max();
};

}  // namespace brine::engine
