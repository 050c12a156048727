// What a syndic and what stands above it say to each other, as values, and its codec. See wire/relay.capnp.
// Encoders and decoders are pure and thread-safe. Decoders judge every length and id, and the size of what is compressed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/records.h"
#include "wire/session.h"

namespace brine::wire {

inline constexpr std::size_t kMaxRelayBytes = 16U << 20;  // of one message before compression
inline constexpr std::size_t kMaxHops = 8;                // links of a chain

using Chain = std::vector<store::Attachment>;

struct AdmissionAsk {
  std::uint32_t number = 0;
  MinionId id;
  std::string public_key;  // 32 bytes
  std::string address;
  bool syndic = false;
  JournalMark journal;
  std::string join_token = {};
  std::string network = {};
};
struct Opened {
  std::uint32_t slot = 0;
  Chain chain;  // the minion first; never empty
  std::uint64_t instance = 0;
  std::uint64_t key_version = 0;
  std::string grains;
  std::vector<JobId> running;
  std::string address;
};
struct Past {
  std::uint32_t slot = 0;
  Chain chain;
};
struct SlotGrains {
  std::uint32_t slot = 0;
  std::string grains;
};
struct SlotJournal {
  std::uint32_t slot = 0;
  JournalMark mark;
};
struct SlotReceipt {
  std::uint32_t slot = 0;
  Receipt receipt;
};
struct SlotReturn {
  std::uint32_t slot = 0;
  store::ReturnRecord record;  // minion and received are not on the wire
};
struct SlotCall {
  std::uint32_t slot = 0;
  std::uint32_t number = 0;
  CallReport report;
};
struct SlotMine {
  std::uint32_t slot = 0;
  store::MineChange change;
};
struct SlotMineGet {
  std::uint32_t slot = 0;
  MineGet get;  // its number is the syndic's
};
struct SlotClosed {
  std::uint32_t slot = 0;
  bool left = false;
  bool gateway = false;
};

struct RelayUp {
  Chain attachment;  // none or one
  std::vector<AdmissionAsk> admissions;
  std::vector<Opened> opened;
  std::vector<Past> past;
  std::vector<SlotGrains> grains;
  std::vector<SlotJournal> journals;
  std::vector<SlotReceipt> receipts;
  std::vector<SlotReturn> returns;
  std::vector<SlotCall> calls;
  std::vector<SlotClosed> closed;
  std::vector<SlotMine> mine;
  std::vector<SlotMineGet> mine_gets;

  bool empty() const;
};

struct AdmissionAnswer {
  std::uint32_t number = 0;
  Verdict verdict = Verdict::kBusy;
  milliseconds retry_after{0};
  std::string text;
  std::uint64_t key_version = 0;
  bool renew_journal = false;
};
struct Recipient {
  std::uint32_t slot = 0;
  std::uint32_t index = 0;
  std::vector<std::string> proof;  // 32 bytes each; empty when the expected ids travel with the job
};
struct RelayedJob {
  std::string job;                 // encoded SignedJob
  std::vector<MinionId> expected;  // all, or none
  std::vector<Recipient> recipients;
};
struct SlotAck {
  std::uint32_t slot = 0;
  std::vector<JobId> jids;
};
struct SlotEnd {
  std::uint32_t slot = 0;
  GoodbyeReason reason = GoodbyeReason::kProtocol;
  std::string text;
};
struct NumberedReply {
  std::uint32_t number = 0;
  CallReply reply;
};

struct RelayDown {
  std::vector<AdmissionAnswer> admissions;
  std::vector<RelayedJob> jobs;
  std::vector<SlotAck> acks;
  std::vector<SlotEnd> ends;
  std::vector<NumberedReply> call_replies;
  std::vector<MineReply> mine_replies;

  bool empty() const;
};

// compress: with zstd, where that saves an eighth at least.
Relayed pack(const RelayUp& message, bool compress);
Relayed pack(const RelayDown& message, bool compress);
Result<RelayUp> unpack_up(const Relayed& relayed);
Result<RelayDown> unpack_down(const Relayed& relayed);

// By itself, to be kept.
std::string encode_chain(const Chain& chain);
Result<Chain> decode_chain(std::string_view bytes);

}  // namespace brine::wire
