// How the engine sees a minion's connection: an opaque reference, and the question whether it may enter. Values.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "store/records.h"

namespace brine::engine {

// Names one session of one gateway loop; never reused within a process.
struct SessionRef {
  std::uint32_t loop = 0;
  std::uint64_t connection = 0;
  std::uint32_t slot = 0;  // 0: the connection is the minion's own; else it is a syndic's, and the session one of many behind it
  auto operator<=>(const SessionRef&) const = default;
};

// How far a minion's journal has come (store::JournalMark without the id). epoch 0: it has none.
struct JournalPosition {
  std::uint64_t epoch = 0;
  std::uint64_t sequence = 0;
};

// A peer has proven that it holds this key and asks to be this id.
struct AdmissionRequest {
  MinionId id;
  std::string public_key;
  bool resumed = false;  // by ticket: ticket_key_version is then the key record's version at that time
  std::uint64_t ticket_key_version = 0;
  std::string address;  // for the log and events
  JournalPosition journal;
  store::KeyKind kind = store::KeyKind::kMinion;  // what the peer says it is
  std::string network = {};                       // of the address, as those who guess are counted by
  std::string join_token = {};                    // as it was shown; secret
};

enum class Verdict : std::uint8_t { kAccepted, kPending, kRejected, kDenied, kBusy };

struct Admission {
  Verdict verdict = Verdict::kBusy;
  milliseconds retry_after{0};
  std::string text;
  std::uint64_t key_version = 0;
  bool renew_journal = false;  // the minion's journal has gone back: it must not answer for jobs from before now
};

// A session is open: its minion can be sent jobs.
struct SessionOpened {
  SessionRef session;
  MinionId id;
  std::uint64_t instance = 0;  // random per minion process
  std::string grains;          // JSON text
  std::vector<JobId> running;
  std::string address;
  std::uint64_t key_version = 0;  // of the Admission that let it in: void if the key has changed since
  // Of a minion behind syndics: its word and theirs, signatures verified, the minion's first; and their ids, from here on.
  std::vector<store::Attachment> chain;
  std::vector<MinionId> path;
};

// A syndic has opened its session: minions behind it follow.
struct GatewayOpened {
  SessionRef session;
  MinionId id;
  std::string address;
  std::uint64_t key_version = 0;
};

// A return as it came, on its way to the ledger.
struct PendingReturn {
  SessionRef session;
  store::ReturnRecord record;
};

// A minion, or an operator, wants to know what minions have published.
struct MineQuery {
  std::string target_kind;
  std::string target;
  char delimiter = ':';
  std::string name;
  // For whoever acts on who is present: rather no answer, kUnavailable, than one from a master that has just started and does not know yet
  // which of these minions will come back.
  bool settled = false;
};

struct MineValue {
  MinionId id;
  std::string value;  // JSON text
  std::string allow;
  UnixMicros changed = 0;
  bool present = false;  // the minion has a session with some master, or its master went a moment ago (reconnect_grace)
};

// The connection broke; the minion said that it leaves; a syndic in between was lost.
enum class EndReason : std::uint8_t { kLost, kLeft, kGateway };

enum class Receipt : std::uint8_t { kQueued, kRunning, kDone };

}  // namespace brine::engine
