// What travels inside sealed frames, as values, and its codec. See wire/session.capnp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "store/records.h"

namespace brine::wire {

enum class Verdict : std::uint8_t { kAccepted = 0, kPending = 1, kRejected = 2, kDenied = 3, kBusy = 4 };

struct Welcome {
  Verdict verdict = Verdict::kBusy;
  milliseconds retry_after{0};
  std::string text;
  UnixMicros master_time = 0;
  std::string ticket;
  milliseconds ticket_life{0};
  std::string cookie;
  std::string manifest;
  std::vector<std::string> masters;
  milliseconds heartbeat{0};
  milliseconds heartbeat_timeout{0};
  std::uint32_t max_message = 0;
  bool renew_journal = false;
};
struct Delivery {
  std::string job;  // encoded SignedJob
  std::uint32_t index = 0;
  std::vector<std::string> proof;  // 32 bytes each
};
struct Ack {
  std::vector<JobId> jids;
};
struct CallReply {
  JobId jid;
  std::string error;
};
enum class GoodbyeReason : std::uint8_t { kKeyChanged = 0, kDisplaced = 1, kStopping = 2, kProtocol = 3 };
struct Goodbye {
  GoodbyeReason reason = GoodbyeReason::kProtocol;
  milliseconds retry_after{0};
  std::string text;
};
struct NewManifest {
  std::string manifest;  // encoded SignedManifest
};
struct Masters {
  std::vector<std::string> live;  // host:port
  std::string own;
};
struct JournalMark {
  std::uint64_t epoch = 0;
  std::uint64_t sequence = 0;
};
// id and changed of the entries are not on the wire: the session says who, the master's clock says when.
struct MineChange {
  store::MineChange change;
};
struct MineGet {
  std::uint32_t number = 0;
  std::string target_kind;
  std::string target;
  char delimiter = ':';
  std::string name;
};
struct MineReply {
  std::uint32_t number = 0;
  std::string json;
  std::string error;
};
struct Status {
  std::string grains;  // JSON text
  std::vector<JobId> running;
};
// Of a store::Attachment, what the session does not know.
struct Behind {
  UnixMicros issued = 0;
  std::string signature;  // 64 bytes
};
enum class ReceiptState : std::uint8_t { kQueued = 0, kRunning = 1, kDone = 2 };
struct Receipt {
  JobId jid;
  ReceiptState state = ReceiptState::kQueued;
};
// record.minion and record.received are not on the wire: the session says who, the master's clock says when.
struct Return {
  store::ReturnRecord record;
};
struct CallReport {
  std::string function;
  std::string arguments;
  store::ReturnRecord result;  // jid empty
};
// wire/relay.h packs and unpacks it.
struct Relayed {
  bool compressed = false;
  std::uint32_t size = 0;  // before compression
  std::string data;
};
struct Leaving {};
struct Heartbeat {};

using SessionMessage = std::variant<Welcome, Delivery, Ack, CallReply, Goodbye, Status, Receipt, Return, CallReport, Leaving, Heartbeat,
                                    NewManifest, Masters, JournalMark, Relayed, Behind, MineChange, MineGet, MineReply>;

std::string encode(const SessionMessage& message);
Result<SessionMessage> decode_session_message(std::string_view bytes);

}  // namespace brine::wire
