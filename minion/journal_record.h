// The records of the journal's file, as values, and their bytes: {u32 length of the body, u32 crc32c over type and body, u8 type,
// body}, little-endian. The first record of a file is its header (magic and version); there is no other header in it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/clock.h"
#include "base/ids.h"
#include "minion/function.h"

namespace brine::minion {

// A jid in 8 bytes: every text that JobId::parse() accepts has its own number, and numbers sort as the texts do.
using PackedJid = std::uint64_t;
std::optional<PackedJid> pack(const JobId& jid);  // nothing if the text is no jid
JobId unpack(PackedJid packed);                   // of a number that pack() returned

inline constexpr std::uint32_t kJournalVersion = 1;

// sequence: of the last record before those that follow, modulo 2^64.
struct HeaderRecord {
  std::uint32_t version = kJournalVersion;
  std::uint64_t epoch = 0;
  std::uint64_t sequence = 0;
};
struct BirthRecord {
  UnixMicros birth = 0;
};
// Process numbers that follow belong to this boot and pid namespace.
struct BootRecord {
  std::string_view boot;
};
struct BegunRecord {
  PackedJid jid = 0;
  UnixMicros not_after = 0;
  std::string_view job_hash;
};
struct StartedRecord {
  PackedJid jid = 0;
  StartedCommand command;
};
struct DoneRecord {
  PackedJid jid = 0;
  UnixMicros not_after = 0;
  std::string_view outcome;
};
struct AckedRecord {
  PackedJid jid = 0;
  UnixMicros not_after = 0;
};

// Views point into what was read or given.
using JournalRecord = std::variant<HeaderRecord, BirthRecord, BegunRecord, StartedRecord, DoneRecord, AckedRecord, BootRecord>;

inline constexpr std::size_t kRecordFrame = 9;  // length, crc, type
inline constexpr std::size_t kHeaderRecordBytes = kRecordFrame + 28;
// What a longer one is: not a record. Whoever writes looks at these first.
inline constexpr std::size_t kMaxRecordBody = 1U << 30;
inline constexpr std::size_t kMaxJobHash = 64;
inline constexpr std::size_t kMaxBoot = 256;

// The bytes that append_record() adds.
std::size_t size_of(const JournalRecord& record);
void append_record(std::string& out, const JournalRecord& record);

struct FoundRecord {
  JournalRecord record;
  std::size_t size = 0;
};
// The record at the front of these bytes; nothing if it is not whole and intact.
std::optional<FoundRecord> first_record(std::string_view bytes);

// True if an intact record begins anywhere behind the first byte.
bool contains_record(std::string_view bytes);

}  // namespace brine::minion
