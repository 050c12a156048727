// What the cluster remembers, as plain values. The store keeps them, the engine decides over them, wire/ translates them.
//
// Byte strings (std::string) may hold any byte. Times are UnixMicros (UTC). All types are values without invariants of their own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"

namespace brine::store {

// ---- keys -----------------------------------------------------------------------------------------------------------------

enum class KeyState : std::uint8_t { kPending = 0, kAccepted = 1, kRejected = 2, kDenied = 3 };

// What holds the key: a minion, a minion that is forgotten some time after it has gone, or a syndic.
enum class KeyKind : std::uint8_t { kMinion = 0, kEphemeral = 1, kSyndic = 2 };

// One key offered for one id. An id has at most one record that is pending, accepted or rejected, and at most one denied record
// (the latest other key that claimed the id, with a counter).
struct KeyRecord {
  MinionId id;
  KeyState state = KeyState::kPending;
  KeyKind kind = KeyKind::kMinion;
  std::string public_key;     // Ed25519, 32 bytes
  std::uint32_t index = 0;    // place in bitmaps; given at acceptance, never reused, 0 = none yet
  std::uint64_t version = 0;  // raised by every change; doubles as the generation that tickets carry
  UnixMicros changed = 0;
  std::uint32_t attempts = 0;  // denied: how often it was seen
  std::string signer;          // Ed25519 key of the master that made this change
  std::string signature;       // over the record, see engine/key_authority.h; a record without a valid one is ignored
};

// ---- join tokens ----------------------------------------------------------------------------------------------------------

// Lets minions in that show its secret, without an operator. All but `used` is signed and never changes.
struct TokenRecord {
  std::string id;                   // the public part of what is shown, see base/join_token.h
  std::string secret_hash;          // SHA-256 of the secret
  std::string match = "*";          // glob of the ids that it lets in
  KeyKind kind = KeyKind::kMinion;  // of the keys that it lets in: kMinion or kEphemeral
  std::uint32_t uses = 1;           // keys that it may let in, altogether
  std::uint32_t used = 0;           // counted by the store
  UnixMicros created = 0;
  UnixMicros not_after = 0;
  std::string signer;     // Ed25519 key of the master that made it
  std::string signature;  // see engine/join_tokens.h; a token without a valid one is ignored
};

// ---- jobs -----------------------------------------------------------------------------------------------------------------

// What the operator asked for, and what came of it. `signed_job` holds the exact bytes that were signed and that minions verify;
// the other fields are for listing and searching, and have no authority.
struct JobRecord {
  JobId jid;
  SubmissionId submission;
  std::string function;
  std::string arguments;    // JSON text: {"args": [...], "kwargs": {...}}
  std::string target_kind;  // "glob", "list", ...
  std::string target;
  char delimiter = ':';     // of nested grains; inside signed_job, not kept beside it
  milliseconds timeout{0};  // -t; likewise
  std::string user;         // name of the operator, from the peer's uid
  std::uint32_t uid = 0;
  UnixMicros issued = 0;
  UnixMicros not_after = 0;        // no minion starts it later than this
  std::vector<MinionId> expected;  // sorted by id: the order of the Merkle leaves
  std::string signed_job;
  std::string signature;
  UnixMicros forget_at = 0;  // the record, its returns and its submission may be deleted from then on
};

// How a minion's part of a job ended.
enum class Outcome : std::uint8_t {
  kReturned = 0,     // the function ran to its end; retcode and payload say how
  kInterrupted = 1,  // it was begun, and the minion was killed or stopped in the middle
  kRefused = 2,      // the minion would not: expired, unknown function, spool full; the payload says why
  kNoMatch = 3,      // the minion found that the target does not match it
  kUnknown = 4,      // the minion cannot know: its journal is newer than the job
};

// The names that users and returners see.
constexpr std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::kReturned: return "returned";
    case Outcome::kInterrupted: return "interrupted";
    case Outcome::kRefused: return "refused";
    case Outcome::kNoMatch: return "no_match";
    case Outcome::kUnknown: break;
  }
  return "unknown";
}

struct ReturnRecord {
  JobId jid;
  MinionId minion;
  Outcome outcome = Outcome::kReturned;
  std::int32_t retcode = 0;
  bool success = false;
  std::string payload;     // JSON text
  UnixMicros started = 0;  // the master's time as the minion knows it
  std::uint64_t duration_us = 0;
  UnixMicros received = 0;  // the master's clock
};

// ---- feed and outbox ------------------------------------------------------------------------------------------------------

// Positions order entries within one store epoch. Not comparable across epochs.
struct FeedPosition {
  std::uint64_t epoch = 0;
  std::uint64_t counter = 0;
  auto operator<=>(const FeedPosition&) const = default;
};

struct FeedEntry {
  FeedPosition position;
  JobId jid;
};

// An event that is to be kept until the returners have it.
struct EventRecord {
  std::string id;     // no two events share one; an event that was written twice (a connection that broke) has one
  std::string tag;    // never empty: "brine/job/<jid>/new"
  std::string data;   // JSON text
  UnixMicros at = 0;  // the master's clock
};

// A return, or an event: then all but position and event is empty.
struct OutboxEntry {
  std::uint64_t position = 0;  // rises by at least 1 per entry
  bool late = false;           // the job's record had expired when this return came
  std::string function;        // empty when late
  ReturnRecord value;
  EventRecord event;

  bool is_event() const { return !event.tag.empty(); }
};

// ---- grains ---------------------------------------------------------------------------------------------------------------

struct GrainsRecord {
  MinionId id;
  std::string json;  // one JSON object
};

// ---- syndics --------------------------------------------------------------------------------------------------------------

// The word of a minion, or of a syndic, that it has its session with the syndic next above. net/attachment.h signs and verifies it.
struct Attachment {
  MinionId id;
  std::string public_key;  // Ed25519, 32 bytes
  UnixMicros issued = 0;   // the master's time
  std::string signature;   // 64 bytes
  bool operator==(const Attachment&) const = default;
};

// ---- mine -----------------------------------------------------------------------------------------------------------------

// What a minion has published under a name.
struct MineRecord {
  MinionId id;
  std::string name;        // of the function, or its alias
  std::string value;       // JSON text
  std::string allow;       // "<tgt_type> <target>" of the minions that may read it (mine/access.h); empty: all
  UnixMicros changed = 0;  // the master's clock
};

// What a minion says about its entries: id and changed of the records are left to whoever takes it.
struct MineChange {
  bool whole = false;  // these are all it has: what is not among them is gone
  std::vector<MineRecord> entries;
  std::vector<std::string> removed;  // names
};

// ---- journals -------------------------------------------------------------------------------------------------------------

// How far a minion's journal was known to have come: one that comes back with less was restored from a snapshot.
struct JournalMark {
  MinionId id;
  std::uint64_t epoch = 0;  // random, of the journal; 0: none known
  std::uint64_t sequence = 0;
};

}  // namespace brine::store
