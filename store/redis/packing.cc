#include "store/redis/packing.h"

#include <utility>

#include "base/bytes.h"

namespace brine::store::redis {
namespace {

constexpr std::size_t kJidBytes = 20;

class Packer {
 public:
  template <typename Int>
  Packer& number(Int value) {
    append_le(bytes_, value);
    return *this;
  }
  Packer& text(std::string_view value) {
    append_le(bytes_, static_cast<std::uint32_t>(value.size()));
    bytes_.append(value);
    return *this;
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// Reads past the end as zeros and empty texts; status() tells.
class Unpacker {
 public:
  explicit Unpacker(std::string_view bytes) : bytes_(bytes) {}

  template <typename Int>
  Int number() {
    const std::string_view part = take(sizeof(Int));
    return part.size() == sizeof(Int) ? read_le<Int>(part) : Int{};
  }
  std::string text() { return std::string(take(number<std::uint32_t>())); }
  std::string rest() { return std::string(std::exchange(bytes_, {})); }
  bool at_end() const { return bytes_.empty(); }
  Status status(std::string_view what) const {
    if (intact_ && at_end()) return {};
    return fail(Code::kCorrupt, std::string(what) + " in Redis is damaged");
  }

 private:
  std::string_view take(std::size_t size) {
    if (size > bytes_.size()) {
      intact_ = false;
      size = 0;
    }
    const std::string_view part = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return part;
  }

  std::string_view bytes_;
  bool intact_ = true;
};

template <typename Enum>
Status check_enum(Enum value, Enum last, std::string_view what) {
  if (value <= last) return {};
  return fail(Code::kCorrupt, std::string(what) + " in Redis is damaged");
}

}  // namespace

std::string pack_return(const ReturnRecord& value) {
  std::string packed = Packer()
                           .number(value.received)
                           .number(static_cast<std::uint8_t>(value.outcome))
                           .number(static_cast<std::uint8_t>(value.success))
                           .number(static_cast<std::uint32_t>(value.retcode))
                           .number(value.started)
                           .number(value.duration_us)
                           .take();
  return packed += value.payload;
}

Result<ReturnRecord> unpack_return(const JobId& jid, const MinionId& minion, std::string_view packed) {
  Unpacker bytes(packed);
  ReturnRecord value;
  value.jid = jid;
  value.minion = minion;
  value.received = bytes.number<UnixMicros>();
  value.outcome = static_cast<Outcome>(bytes.number<std::uint8_t>());
  value.success = bytes.number<std::uint8_t>() != 0;
  value.retcode = static_cast<std::int32_t>(bytes.number<std::uint32_t>());
  value.started = bytes.number<UnixMicros>();
  value.duration_us = bytes.number<std::uint64_t>();
  value.payload = bytes.rest();
  BRINE_TRY(bytes.status("a return"));
  BRINE_TRY(check_enum(value.outcome, Outcome::kUnknown, "a return"));
  return value;
}

std::string pack_event(const EventRecord& event) { return Packer().number(event.at).take() += event.data; }

Result<EventRecord> unpack_event(std::string id, std::string tag, std::string_view packed) {
  Unpacker bytes(packed);
  EventRecord event{std::move(id), std::move(tag), "", bytes.number<UnixMicros>()};
  event.data = bytes.rest();
  BRINE_TRY(bytes.status("an event"));
  if (event.tag.empty()) return fail(Code::kCorrupt, "an event in Redis is damaged");
  return event;
}

std::string pack_key(const KeyRecord& key) {
  return Packer()
      .number(static_cast<std::uint8_t>(key.state))
      .number(key.index)
      .number(key.version)
      .number(key.changed)
      .number(key.attempts)
      .text(key.public_key)
      .text(key.signer)
      .text(key.signature)
      .number(static_cast<std::uint8_t>(key.kind))
      .take();
}

Result<KeyRecord> unpack_key(const MinionId& id, std::string_view packed) {
  Unpacker bytes(packed);
  KeyRecord key;
  key.id = id;
  key.state = static_cast<KeyState>(bytes.number<std::uint8_t>());
  key.index = bytes.number<std::uint32_t>();
  key.version = bytes.number<std::uint64_t>();
  key.changed = bytes.number<UnixMicros>();
  key.attempts = bytes.number<std::uint32_t>();
  key.public_key = bytes.text();
  key.signer = bytes.text();
  key.signature = bytes.text();
  if (!bytes.at_end()) key.kind = static_cast<KeyKind>(bytes.number<std::uint8_t>());  // an older brine wrote none
  BRINE_TRY(bytes.status("a key"));
  BRINE_TRY(check_enum(key.kind, KeyKind::kSyndic, "a key"));
  BRINE_TRY(check_enum(key.state, KeyState::kDenied, "a key"));
  return key;
}

std::string pack_token(const TokenRecord& token) {
  return Packer()
      .number(static_cast<std::uint8_t>(token.kind))
      .number(token.uses)
      .number(token.created)
      .number(token.not_after)
      .text(token.secret_hash)
      .text(token.match)
      .text(token.signer)
      .text(token.signature)
      .take();
}

Result<TokenRecord> unpack_token(std::string id, std::string_view packed) {
  Unpacker bytes(packed);
  TokenRecord token;
  token.id = std::move(id);
  token.kind = static_cast<KeyKind>(bytes.number<std::uint8_t>());
  token.uses = bytes.number<std::uint32_t>();
  token.created = bytes.number<UnixMicros>();
  token.not_after = bytes.number<UnixMicros>();
  token.secret_hash = bytes.text();
  token.match = bytes.text();
  token.signer = bytes.text();
  token.signature = bytes.text();
  BRINE_TRY(bytes.status("a join token"));
  BRINE_TRY(check_enum(token.kind, KeyKind::kSyndic, "a join token"));
  return token;
}

std::string pack_summary(const JobRecord& job) {
  return Packer()
      .number(job.issued)
      .number(job.not_after)
      .number(static_cast<std::uint32_t>(job.expected.size()))
      .text(job.function)
      .text(job.arguments)
      .text(job.target_kind)
      .text(job.target)
      .text(job.user)
      .take();
}

Result<JobSummary> unpack_summary(const JobId& jid, std::string_view packed) {
  Unpacker bytes(packed);
  JobSummary job;
  job.jid = jid;
  job.issued = bytes.number<UnixMicros>();
  job.not_after = bytes.number<UnixMicros>();
  job.expected = bytes.number<std::uint32_t>();
  job.function = bytes.text();
  job.arguments = bytes.text();
  job.target_kind = bytes.text();
  job.target = bytes.text();
  job.user = bytes.text();
  BRINE_TRY(bytes.status("a job"));
  return job;
}

std::string pack_rest(const JobRecord& job) {
  return Packer().number(job.uid).number(job.forget_at).text(job.signed_job).text(job.signature).take();
}

Status unpack_rest(std::string_view packed, JobRecord& job) {
  Unpacker bytes(packed);
  job.uid = bytes.number<std::uint32_t>();
  job.forget_at = bytes.number<UnixMicros>();
  job.signed_job = bytes.text();
  job.signature = bytes.text();
  return bytes.status("a job");
}

std::string pack_mark(const JournalMark& mark) { return Packer().number(mark.epoch).number(mark.sequence).take(); }

Result<JournalMark> unpack_mark(const MinionId& id, std::string_view packed) {
  Unpacker bytes(packed);
  JournalMark mark{.id = id};
  mark.epoch = bytes.number<std::uint64_t>();
  mark.sequence = bytes.number<std::uint64_t>();
  BRINE_TRY(bytes.status("a journal mark"));
  return mark;
}

std::string pack_mine(const MineRecord& entry) { return Packer().number(entry.changed).text(entry.allow).take() += entry.value; }

Result<MineRecord> unpack_mine(const MinionId& id, std::string name, std::string_view packed) {
  Unpacker bytes(packed);
  MineRecord entry{.id = id, .name = std::move(name)};
  entry.changed = bytes.number<UnixMicros>();
  entry.allow = bytes.text();
  entry.value = bytes.rest();
  BRINE_TRY(bytes.status("a mine entry"));
  return entry;
}

std::string pack_card(const MasterCard& card) {
  return Packer()
      .text(card.id)
      .text(card.public_key)
      .text(card.wrap_key)
      .text(card.address)
      .number(card.since)
      .number(card.minions)
      .number(static_cast<std::uint8_t>(card.draining))
      .take();
}

Result<MasterCard> unpack_card(std::string_view packed) {
  Unpacker bytes(packed);
  MasterCard card;
  card.id = bytes.text();
  card.public_key = bytes.text();
  card.wrap_key = bytes.text();
  card.address = bytes.text();
  card.since = bytes.number<UnixMicros>();
  card.minions = bytes.number<std::uint32_t>();
  card.draining = bytes.number<std::uint8_t>() != 0;
  BRINE_TRY(bytes.status("a master"));
  return card;
}

std::string pack_presence(const Presence& presence) {
  return Packer()
      .text(presence.master)
      .number(static_cast<std::uint8_t>(presence.state))
      .number(presence.instance)
      .number(presence.since)
      .text(presence.address)
      .take();
}

Result<Presence> unpack_presence(const MinionId& id, std::uint64_t generation, std::string_view packed) {
  Unpacker bytes(packed);
  Presence presence{.id = id};
  presence.generation = generation;
  presence.master = bytes.text();
  presence.state = static_cast<Presence::State>(bytes.number<std::uint8_t>());
  presence.instance = bytes.number<std::uint64_t>();
  presence.since = bytes.number<UnixMicros>();
  presence.address = bytes.text();
  BRINE_TRY(bytes.status("a presence"));
  BRINE_TRY(check_enum(presence.state, Presence::State::kLeft, "a presence"));
  return presence;
}

std::string pack_places(const Places& places) {
  std::string packed;
  for (const auto& [jid, numbers] : places) {
    packed += jid.str();
    append_le(packed, static_cast<std::uint32_t>(numbers.size()));
    for (const std::uint32_t number : numbers) append_le(packed, number);
  }
  return packed;
}

Status unpack_places(std::string_view packed, Places& places) {
  const auto damaged = [] { return fail(Code::kCorrupt, "a notice in Redis is damaged"); };
  while (!packed.empty()) {
    if (packed.size() < kJidBytes + 4) return damaged();
    BRINE_LET(const JobId jid, JobId::parse(packed.substr(0, kJidBytes)));
    const std::size_t count = read_le<std::uint32_t>(packed.substr(kJidBytes));
    packed.remove_prefix(kJidBytes + 4);
    if (packed.size() / 4 < count) return damaged();
    std::vector<std::uint32_t>& numbers = places[jid];
    for (std::size_t i = 0; i < count; ++i) numbers.push_back(read_le<std::uint32_t>(packed.substr(4 * i)));
    packed.remove_prefix(4 * count);
  }
  return {};
}

std::string padded(std::uint64_t number) {
  std::string digits = std::to_string(number);
  return std::string(20 - digits.size(), '0') + digits;
}

std::string pack_names(const std::vector<std::string>& names) {
  Packer packer;
  for (const std::string& name : names) packer.text(name);
  return packer.take();
}

Result<std::vector<std::string>> unpack_names(std::string_view packed) {
  Unpacker bytes(packed);
  std::vector<std::string> names;
  // A damaged length ends the list with an error, not without one.
  while (!bytes.at_end()) {
    names.push_back(bytes.text());
    if (names.back().empty()) break;
  }
  BRINE_TRY(bytes.status("a list of names"));
  return names;
}

}  // namespace brine::store::redis
