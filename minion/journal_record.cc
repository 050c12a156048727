#include "minion/journal_record.h"

#include <cstdio>
#include <utility>

#include "base/bytes.h"

namespace brine::minion {
namespace {

constexpr std::string_view kMagic = "BRINEJNL";

enum class Type : std::uint8_t { kHeader = 1, kBirth, kBegun, kStarted, kDone, kAcked, kBoot };
constexpr std::uint8_t kLastType = static_cast<std::uint8_t>(Type::kBoot);

// ---- jids ------------------------------------------------------------------------------------------------------------------

struct JidField {
  std::size_t digits;
  PackedJid least;
  PackedJid count;
};
// Year, month, day, hour, minute, second (60: a leap second), microsecond. The product of the counts is below 2^59.
constexpr JidField kJidFields[] = {{4, 0, 10'000}, {2, 1, 12}, {2, 1, 31}, {2, 0, 24}, {2, 0, 60}, {2, 0, 61}, {6, 0, 1'000'000}};

constexpr PackedJid count_of_jids() {
  PackedJid product = 1;
  for (const JidField& field : kJidFields) product *= field.count;
  return product;
}

// ---- bodies ----------------------------------------------------------------------------------------------------------------

class BodyWriter {
 public:
  explicit BodyWriter(std::string& out) : out_(out) {}

  Type operator()(const HeaderRecord& record) {
    out_ += kMagic;
    append_le(out_, record.version);
    append_le(out_, record.epoch);
    append_le(out_, record.sequence);
    return Type::kHeader;
  }
  Type operator()(const BirthRecord& record) {
    append_le(out_, record.birth);
    return Type::kBirth;
  }
  Type operator()(const BegunRecord& record) {
    append_job(record.jid, record.not_after);
    out_ += record.job_hash;
    return Type::kBegun;
  }
  Type operator()(const StartedRecord& record) {
    append_le(out_, record.jid);
    append_le(out_, static_cast<std::int32_t>(record.command.pgid));
    append_le(out_, record.command.start_ticks);
    return Type::kStarted;
  }
  Type operator()(const DoneRecord& record) {
    append_job(record.jid, record.not_after);
    out_ += record.outcome;
    return Type::kDone;
  }
  Type operator()(const AckedRecord& record) {
    append_job(record.jid, record.not_after);
    return Type::kAcked;
  }
  Type operator()(const BootRecord& record) {
    out_ += record.boot;
    return Type::kBoot;
  }

 private:
  void append_job(PackedJid jid, UnixMicros not_after) {
    append_le(out_, jid);
    append_le(out_, not_after);
  }

  std::string& out_;
};

// Takes integers off the front; ok() is false once there was too little or a jid that is none.
class BodyReader {
 public:
  explicit BodyReader(std::string_view bytes) : bytes_(bytes) {}

  template <typename Int>
  Int take() {
    if (bytes_.size() < sizeof(Int)) {
      ok_ = false;
      return 0;
    }
    const Int value = read_le<Int>(bytes_);
    bytes_.remove_prefix(sizeof(Int));
    return value;
  }
  PackedJid take_jid() {
    const auto jid = take<PackedJid>();
    if (jid >= count_of_jids()) ok_ = false;
    return jid;
  }
  bool take_magic() {
    ok_ = ok_ && bytes_.starts_with(kMagic);
    if (ok_) bytes_.remove_prefix(kMagic.size());
    return ok_;
  }
  std::string_view take_rest(std::size_t most = kMaxRecordBody) {
    if (bytes_.size() > most) ok_ = false;
    return std::exchange(bytes_, {});
  }
  bool ok() const { return ok_; }
  bool at_end() const { return ok_ && bytes_.empty(); }

 private:
  std::string_view bytes_;
  bool ok_ = true;
};

JournalRecord decode_header(BodyReader& body) {
  HeaderRecord record;
  if (!body.take_magic()) return record;
  record.version = body.take<std::uint32_t>();
  // What another version puts behind its number is not ours to judge.
  if (record.version != kJournalVersion) {
    body.take_rest();
    return record;
  }
  record.epoch = body.take<std::uint64_t>();
  record.sequence = body.take<std::uint64_t>();
  return record;
}

// Braced initialisers are evaluated from left to right: in the order of the bytes.
std::optional<JournalRecord> decode(Type type, BodyReader body) {
  JournalRecord record;
  switch (type) {
    case Type::kHeader: record = decode_header(body); break;
    case Type::kBirth: record = BirthRecord{body.take<UnixMicros>()}; break;
    case Type::kBegun: record = BegunRecord{body.take_jid(), body.take<UnixMicros>(), body.take_rest(kMaxJobHash)}; break;
    case Type::kStarted: record = StartedRecord{body.take_jid(), {body.take<std::int32_t>(), body.take<std::uint64_t>()}}; break;
    case Type::kDone: record = DoneRecord{body.take_jid(), body.take<UnixMicros>(), body.take_rest()}; break;
    case Type::kAcked: record = AckedRecord{body.take_jid(), body.take<UnixMicros>()}; break;
    case Type::kBoot: record = BootRecord{body.take_rest(kMaxBoot)}; break;
    default: return std::nullopt;
  }
  if (!body.at_end()) return std::nullopt;
  return record;
}

struct BodySize {
  std::size_t operator()(const HeaderRecord&) const { return kHeaderRecordBytes - kRecordFrame; }
  std::size_t operator()(const BirthRecord&) const { return 8; }
  std::size_t operator()(const BegunRecord& record) const { return 16 + record.job_hash.size(); }
  std::size_t operator()(const StartedRecord&) const { return 20; }
  std::size_t operator()(const DoneRecord& record) const { return 16 + record.outcome.size(); }
  std::size_t operator()(const AckedRecord&) const { return 16; }
  std::size_t operator()(const BootRecord& record) const { return record.boot.size(); }
};

}  // namespace

std::optional<PackedJid> pack(const JobId& jid) {
  if (!JobId::parse(jid.str())) return std::nullopt;
  PackedJid packed = 0;
  std::size_t at = 0;
  for (const JidField& field : kJidFields) {
    PackedJid value = 0;
    for (const std::size_t end = at + field.digits; at < end; ++at) value = value * 10 + static_cast<PackedJid>(jid.str()[at] - '0');
    // Unsigned: a value below the least wraps to one that is too large.
    if (value - field.least >= field.count) return std::nullopt;
    packed = packed * field.count + (value - field.least);
  }
  return packed;
}

JobId unpack(PackedJid packed) {
  std::string text(20, '0');
  std::size_t end = text.size();
  for (std::size_t i = std::size(kJidFields); i-- > 0;) {
    const JidField& field = kJidFields[i];
    PackedJid value = packed % field.count + field.least;
    packed /= field.count;
    for (std::size_t k = 1; k <= field.digits; ++k, value /= 10) text[end - k] = static_cast<char>('0' + value % 10);
    end -= field.digits;
  }
  return JobId::trusted(std::move(text));
}

std::size_t size_of(const JournalRecord& record) { return kRecordFrame + std::visit(BodySize{}, record); }

void append_record(std::string& out, const JournalRecord& record) {
  std::string typed(1, '\0');
  typed.reserve(size_of(record));
  typed[0] = static_cast<char>(std::visit(BodyWriter(typed), record));
  append_le(out, static_cast<std::uint32_t>(typed.size() - 1));
  append_le(out, crc32c(typed));
  out += typed;
}

std::optional<FoundRecord> first_record(std::string_view bytes) {
  if (bytes.size() < kRecordFrame) return std::nullopt;
  const std::size_t body = read_le<std::uint32_t>(bytes);
  const auto type = static_cast<std::uint8_t>(bytes[kRecordFrame - 1]);
  if (body > kMaxRecordBody || bytes.size() - kRecordFrame < body || type == 0 || type > kLastType) return std::nullopt;
  // The shape first: a search through garbage then hardly ever pays for a checksum over megabytes.
  const auto record = decode(static_cast<Type>(type), BodyReader(bytes.substr(kRecordFrame, body)));
  if (!record || crc32c(bytes.substr(kRecordFrame - 1, body + 1)) != read_le<std::uint32_t>(bytes.substr(4))) return std::nullopt;
  return FoundRecord{*record, kRecordFrame + body};
}

bool contains_record(std::string_view bytes) {
  for (std::size_t i = 1; i + kRecordFrame <= bytes.size(); ++i) {
    if (first_record(bytes.substr(i))) return true;
  }
  return false;
}

}  // namespace brine::minion
