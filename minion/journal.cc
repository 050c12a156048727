#include "minion/journal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <random>

#include "base/bytes.h"
#include "base/crash_point.h"
#include "base/log.h"

namespace brine::minion {
namespace {

constexpr std::string_view kMagic = "BRINEJ01";
constexpr std::size_t kFrameBytes = 9;  // length, crc, type
constexpr std::size_t kMaxRecord = 64U << 20;
constexpr std::uint64_t kCompactLeast = 1U << 20;
constexpr UnixMicros kRememberAfter = 3'600LL * 1'000'000;
constexpr std::size_t kEntryCost = 128;  // what a remembered jid counts against the bound

enum class Type : std::uint8_t { kHeader = 1, kBirth = 2, kBegun = 3, kStarted = 4, kDone = 5, kAcked = 6 };

std::string framed(Type type, std::string_view body) {
  std::string checked(1, static_cast<char>(type));
  checked += body;
  std::string record;
  record.reserve(kFrameBytes + body.size());
  append_le(record, static_cast<std::uint32_t>(body.size()));
  append_le(record, crc32c(checked));
  record += checked;
  return record;
}

void append_jid(std::string& out, const JobId& jid) { append_le(out, unix_us_of(jid)); }

// Reads integers and rests off a record's body; ok() turns false when it is too short.
class Body {
 public:
  explicit Body(std::string_view bytes) : bytes_(bytes) {}
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
  JobId jid() { return job_id_at(take<UnixMicros>()); }
  std::string_view rest() const { return bytes_; }
  bool ok() const { return ok_; }

 private:
  std::string_view bytes_;
  bool ok_ = true;
};

class FileJournal final : public Journal {
 public:
  explicit FileJournal(FileJournalOptions options) : options_(std::move(options)) {}

  Status open() {
    fd_.reset(::open(options_.path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (!fd_.valid()) return fail_errno("cannot open the journal " + options_.path, errno);
    if (::flock(fd_.get(), LOCK_EX | LOCK_NB) != 0)
      return fail(Code::kUnavailable, "the journal " + options_.path + " is held by another minion; two minions cannot share a spool");
    BRINE_LET(const std::string content, read_file(options_.path, SIZE_MAX / 2));
    if (content.empty()) return begin_new();
    if (const auto replayed = replay(content); !replayed) {
      BRINE_TRY(put_aside(replayed.error().message));
      return open();
    }
    return {};
  }

  std::uint64_t epoch() const override { return epoch_; }
  UnixMicros birth() const override { return birth_; }
  std::uint64_t sequence() const override { return sequence_; }

  Status set_birth(UnixMicros birth) override {
    std::string body;
    append_le(body, birth);
    BRINE_TRY(append(Type::kBirth, body));
    birth_ = birth;
    return {};
  }

  Status begun(const JobId& jid, UnixMicros not_after, std::string_view job_hash) override {
    if (live_bytes_ + kEntryCost > options_.max_bytes)
      return fail(Code::kFull, "the spool is full: " + std::to_string(live_bytes_) + " bytes of spool.max_bytes wait for acknowledgement");
    std::string body;
    append_jid(body, jid);
    append_le(body, not_after);
    body += job_hash;
    BRINE_TRY(append(Type::kBegun, body));
    add(jid, JobState::kBegun, not_after);
    return {};
  }

  Status started(const JobId& jid, const StartedCommand& command) override {
    std::string body;
    append_jid(body, jid);
    append_le(body, static_cast<std::int32_t>(command.pgid));
    append_le(body, command.start_ticks);
    return append(Type::kStarted, body);
  }

  Status done(const JobId& jid, UnixMicros not_after, std::string outcome) override {
    std::string body;
    append_jid(body, jid);
    append_le(body, not_after);
    body += outcome;
    // In memory first: a return is not dropped because the disk is full; it is then sent without the promise of surviving a crash.
    finish(jid, not_after, std::move(outcome));
    return append(Type::kDone, body);
  }

  Status acked(const JobId& jid) override {
    if (!acknowledge(jid)) return {};
    std::string body;
    append_jid(body, jid);
    return append(Type::kAcked, body);
  }

  Status sync() override {
    std::lock_guard lock(file_mutex_);
    if (!failure_.empty()) return fail(Code::kUnavailable, failure_);
    if (!unsynced_) return {};
    if (::fdatasync(fd_.get()) != 0) {
      // What the kernel dropped cannot be known (the "fsync gate"): nothing more is promised from this file.
      failure_ = "the journal could not be synced; restart the minion when the disk is well";
      return fail_errno("cannot sync the journal " + options_.path, errno);
    }
    unsynced_ = false;
    return {};
  }

  const JournalEntry* find(const JobId& jid) const override {
    const auto found = entries_.find(jid);
    return found == entries_.end() ? nullptr : &found->second;
  }
  std::vector<const JournalEntry*> unfinished() const override { return in_state(JobState::kBegun); }
  std::vector<const JournalEntry*> unacknowledged() const override { return in_state(JobState::kDone); }

  Status compact(UnixMicros now) override {
    if (now > 0) {
      std::erase_if(entries_, [&](const auto& item) {
        const JournalEntry& entry = item.second;
        if (entry.state != JobState::kAcked || entry.not_after + kRememberAfter >= now) return false;
        live_bytes_ -= kEntryCost;
        return true;
      });
    }
    return worth_rewriting() ? rewrite() : Status();
  }

 private:
  // ---- file ----

  Status append(Type type, std::string_view body) {
    const std::string record = framed(type, body);
    std::lock_guard lock(file_mutex_);
    if (!failure_.empty()) return fail(Code::kUnavailable, failure_);
    if (auto written = write_all(fd_.get(), record); !written) {
      // A part of the record may stand there: cut it off, or nothing that follows could be read.
      if (::ftruncate(fd_.get(), static_cast<off_t>(file_bytes_)) != 0) failure_ = "the journal has a torn record that cannot be removed";
      return fail(written.error(), "the journal " + options_.path);
    }
    file_bytes_ += record.size();
    unsynced_ = true;
    ++sequence_;
    return {};
  }

  Status begin_new() {
    std::random_device random;
    epoch_ = static_cast<std::uint64_t>(random()) << 32 | random();
    BRINE_TRY(append(Type::kHeader, header()));
    BRINE_TRY(sync());
    return sync_folder(folder_of(options_.path));
  }

  std::string header() const {
    std::string body(kMagic);
    append_le(body, epoch_);
    append_le(body, sequence_.load());
    return body;
  }

  Status put_aside(const std::string& why) {
    for (int n = 1;; ++n) {
      const std::string aside = options_.path + ".bad-" + std::to_string(n);
      if (::access(aside.c_str(), F_OK) == 0) continue;
      if (::rename(options_.path.c_str(), aside.c_str()) != 0) return fail_errno("cannot put the journal aside", errno);
      log::error("the journal is not intact ({}); it was put aside as {}. Jobs issued before now are answered with \"unknown\"", why, aside);
      break;
    }
    entries_.clear();
    epoch_ = file_bytes_ = live_bytes_ = 0;
    sequence_ = 0;
    birth_ = 0;
    return sync_folder(folder_of(options_.path));
  }

  // ---- reading ----

  Status replay(std::string_view content) {
    std::size_t at = 0;
    while (at < content.size()) {
      const std::string_view rest = content.substr(at);
      const std::size_t size = record_size(rest);
      if (size == 0) {
        // A torn tail is what a crash leaves; anything behind it shows that something else has happened.
        if (contains_record(rest)) return fail(Code::kCorrupt, "a damaged record at byte " + std::to_string(at));
        log::warning("the journal ends in a torn record of {} bytes: cut off", rest.size());
        if (::ftruncate(fd_.get(), static_cast<off_t>(at)) != 0) return fail_errno("cannot cut the journal", errno);
        break;
      }
      if (at == 0 && static_cast<Type>(rest[8]) != Type::kHeader) return fail(Code::kCorrupt, "it has no header");
      BRINE_TRY(apply(static_cast<Type>(rest[8]), Body(rest.substr(kFrameBytes, size - kFrameBytes))));
      at += size;
      if (at != size) ++sequence_;
    }
    if (at == 0) return begin_new();
    file_bytes_ = at;
    return {};
  }

  // Of the record at the beginning of these bytes; 0 if it is not whole and intact.
  static std::size_t record_size(std::string_view bytes) {
    if (bytes.size() < kFrameBytes) return 0;
    const std::size_t body = read_le<std::uint32_t>(bytes);
    if (body > kMaxRecord || bytes.size() - kFrameBytes < body) return 0;
    if (crc32c(bytes.substr(8, body + 1)) != read_le<std::uint32_t>(bytes.substr(4))) return 0;
    return kFrameBytes + body;
  }

  // True if an intact record begins anywhere behind the first byte.
  static bool contains_record(std::string_view bytes) {
    for (std::size_t i = 1; i + kFrameBytes <= bytes.size(); ++i) {
      const auto type = static_cast<std::uint8_t>(bytes[i + 8]);
      if (type >= 1 && type <= 6 && record_size(bytes.substr(i)) != 0) return true;
    }
    return false;
  }

  Status apply(Type type, Body body) {
    switch (type) {
      case Type::kHeader: {
        const std::string_view magic = body.rest().substr(0, kMagic.size());
        if (magic != kMagic) return fail(Code::kCorrupt, "it is not a journal of this version");
        Body numbers(body.rest().substr(kMagic.size()));
        epoch_ = numbers.take<std::uint64_t>();
        sequence_ = numbers.take<std::uint64_t>();
        return numbers.ok() ? Status() : fail(Code::kCorrupt, "a short header");
      }
      case Type::kBirth: birth_ = body.take<UnixMicros>(); break;
      case Type::kBegun: {
        const JobId jid = body.jid();
        add(jid, JobState::kBegun, body.take<UnixMicros>());
        break;
      }
      case Type::kStarted: {
        const JobId jid = body.jid();
        const auto pgid = body.take<std::int32_t>();
        const auto ticks = body.take<std::uint64_t>();
        if (const auto found = entries_.find(jid); found != entries_.end()) found->second.commands.push_back({pgid, ticks});
        break;
      }
      case Type::kDone: {
        const JobId jid = body.jid();
        const auto not_after = body.take<UnixMicros>();
        finish(jid, not_after, std::string(body.rest()));
        break;
      }
      case Type::kAcked: acknowledge(body.jid()); break;
      default: return fail(Code::kCorrupt, "a record of unknown type");
    }
    return body.ok() ? Status() : fail(Code::kCorrupt, "a record that is too short");
  }

  // ---- memory ----

  void add(const JobId& jid, JobState state, UnixMicros not_after) {
    if (entries_.insert_or_assign(jid, JournalEntry{jid, state, not_after, {}, {}}).second) live_bytes_ += kEntryCost;
  }

  void finish(const JobId& jid, UnixMicros not_after, std::string outcome) {
    if (!entries_.contains(jid)) add(jid, JobState::kDone, not_after);
    JournalEntry& entry = entries_.at(jid);
    live_bytes_ += outcome.size();
    live_bytes_ -= entry.outcome.size();
    entry.state = JobState::kDone;
    entry.outcome = std::move(outcome);
    std::vector<StartedCommand>().swap(entry.commands);
  }

  bool acknowledge(const JobId& jid) {
    const auto found = entries_.find(jid);
    if (found == entries_.end() || found->second.state != JobState::kDone) return false;
    live_bytes_ -= found->second.outcome.size();
    std::string().swap(found->second.outcome);
    found->second.state = JobState::kAcked;
    return true;
  }

  std::vector<const JournalEntry*> in_state(JobState state) const {
    std::vector<const JournalEntry*> list;
    for (const auto& [jid, entry] : entries_) {
      if (entry.state == state) list.push_back(&entry);
    }
    return list;
  }

  // ---- compaction ----

  std::string snapshot() const {
    std::string out = framed(Type::kHeader, header());
    std::string body;
    if (birth_ != 0) {
      append_le(body, birth_);
      out += framed(Type::kBirth, body);
    }
    for (const auto& [jid, entry] : entries_) append_entry(out, entry);
    return out;
  }

  static void append_entry(std::string& out, const JournalEntry& entry) {
    std::string body;
    append_jid(body, entry.jid);
    append_le(body, entry.not_after);
    if (entry.state == JobState::kBegun) {
      out += framed(Type::kBegun, body);
      for (const StartedCommand& command : entry.commands) {
        std::string started;
        append_jid(started, entry.jid);
        append_le(started, static_cast<std::int32_t>(command.pgid));
        append_le(started, command.start_ticks);
        out += framed(Type::kStarted, started);
      }
      return;
    }
    out += framed(Type::kDone, body + entry.outcome);
    if (entry.state != JobState::kAcked) return;
    body.resize(sizeof(UnixMicros));
    out += framed(Type::kAcked, body);
  }

  bool worth_rewriting() {
    std::lock_guard lock(file_mutex_);
    return file_bytes_ >= kCompactLeast && file_bytes_ >= 2 * live_bytes_;
  }

  // A command that is reported as started while the new file is written must be in it: the lock covers both.
  Status rewrite() {
    std::lock_guard lock(file_mutex_);
    if (!failure_.empty()) return fail(Code::kUnavailable, failure_);
    BRINE_TRY(reload_started());
    const std::string content = snapshot();
    const std::string fresh = options_.path + ".new";
    Fd fd(::open(fresh.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600));
    if (!fd.valid()) return fail_errno("cannot create " + fresh, errno);
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) return fail_errno("cannot lock " + fresh, errno);
    BRINE_TRY(write_all(fd.get(), content));
    if (::fdatasync(fd.get()) != 0) return fail_errno("cannot sync " + fresh, errno);
    BRINE_CRASH_POINT("minion.compact_before_rename");
    if (::rename(fresh.c_str(), options_.path.c_str()) != 0) return fail_errno("cannot replace the journal", errno);
    BRINE_CRASH_POINT("minion.compact_after_rename");
    fd_ = std::move(fd);
    file_bytes_ = content.size();
    unsynced_ = false;
    return sync_folder(folder_of(options_.path));
  }

  // STARTED records are written by other threads and kept only in the file while the job runs: taken over before it is replaced.
  Status reload_started() {
    BRINE_LET(const std::string content, read_file(options_.path, SIZE_MAX / 2));
    std::map<JobId, std::vector<StartedCommand>> commands;
    for (std::size_t at = 0, size = 0; (size = record_size(std::string_view(content).substr(at))) != 0; at += size) {
      if (static_cast<Type>(content[at + 8]) != Type::kStarted) continue;
      Body body(std::string_view(content).substr(at + kFrameBytes, size - kFrameBytes));
      const JobId jid = body.jid();
      const auto pgid = body.take<std::int32_t>();
      commands[jid].push_back({pgid, body.take<std::uint64_t>()});
    }
    for (auto& [jid, entry] : entries_) {
      if (entry.state == JobState::kBegun) entry.commands = std::move(commands[jid]);
    }
    return {};
  }

  const FileJournalOptions options_;
  std::mutex file_mutex_;
  Fd fd_;                          // guarded by file_mutex_
  std::uint64_t file_bytes_ = 0;   // guarded by file_mutex_
  bool unsynced_ = false;          // guarded by file_mutex_
  std::string failure_;            // guarded by file_mutex_
  std::atomic<std::uint64_t> sequence_{0};
  std::uint64_t epoch_ = 0;
  UnixMicros birth_ = 0;
  std::map<JobId, JournalEntry> entries_;
  std::uint64_t live_bytes_ = 0;
};

}  // namespace

Result<std::unique_ptr<Journal>> open_file_journal(const FileJournalOptions& options) {
  auto journal = std::make_unique<FileJournal>(options);
  BRINE_TRY(journal->open());
  return journal;
}

}  // namespace brine::minion
