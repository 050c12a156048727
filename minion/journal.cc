#include "minion/journal.h"

#include <unistd.h>

#include <climits>
#include <mutex>
#include <random>
#include <set>
#include <tuple>
#include <utility>

#include "base/log.h"
#include "minion/journal_file.h"
#include "minion/journal_index.h"
#include "minion/journal_record.h"

namespace brine::minion {
namespace {

constexpr std::uint64_t kWorthCompacting = 1U << 20;  // dead bytes
constexpr UnixMicros kRememberAfter = 3'600LL * 1'000'000;

// Process numbers start again with every boot, and are others in every container.
std::string this_boot() {
  std::string boot = read_file("/proc/sys/kernel/random/boot_id", 128).value_or("");
  boot.resize(boot.find_last_not_of('\n') + 1);
  char pids[PATH_MAX];
  if (const ssize_t size = ::readlink("/proc/self/ns/pid", pids, sizeof pids); size > 0) boot.append(pids, static_cast<std::size_t>(size));
  return boot.substr(0, kMaxBoot);
}

std::uint64_t random_epoch() {
  std::random_device random;
  return static_cast<std::uint64_t>(random()) << 32 | random();
}

class FileJournal final : public Journal {
 public:
  explicit FileJournal(const FileJournalOptions& options)
      : max_bytes_(options.max_bytes), boot_(options.boot.empty() ? this_boot() : options.boot.substr(0, kMaxBoot)), file_(options.path) {}

  Status open();

  std::uint64_t epoch() const override { return epoch_; }
  UnixMicros birth() const override { return birth_; }
  std::uint64_t sequence() const override { return file_.synced(); }
  std::string put_aside() const override { return put_aside_; }
  std::uint64_t bytes() const override { return index_.live_bytes(); }
  Status set_birth(UnixMicros birth) override;
  Status renew(UnixMicros birth) override;

  Status begun(const JobId& jid, UnixMicros not_after, std::string_view job_hash) override;
  Status started(const JobId& jid, const StartedCommand& command) override;
  Status done(const JobId& jid, UnixMicros not_after, std::string outcome) override;
  Status acked(const JobId& jid) override;
  Status sync() override;

  const JournalEntry* find(const JobId& jid) const override;
  std::vector<const JournalEntry*> unfinished() const override;
  std::vector<const JournalEntry*> unacknowledged() const override { return index_.in_state(JobState::kDone); }

  Status compact(UnixMicros now) override;

 private:
  Status append(const JournalRecord& record);
  Status begin();
  Status replay(std::string_view content);
  Status apply(const JournalRecord& record);
  Status note_boot();
  Status put_file_aside(const std::string& why);
  void take_started() const;
  Status write_missing();
  std::vector<JournalRecord> preamble() const;
  bool worth_compacting() const;
  Status rewrite();

  const std::uint64_t max_bytes_;
  const std::string boot_;
  JournalFile file_;
  std::uint64_t epoch_ = 0;
  UnixMicros birth_ = 0;
  std::string file_boot_;  // of the last boot record
  std::string put_aside_;
  mutable JournalIndex index_;   // what other threads have started is taken in when it is looked at
  std::set<PackedJid> missing_;  // done in memory, but the disk did not take it

  // Held while a command is written down, and while the file is replaced: no command falls between the old file and the new one.
  mutable std::mutex started_mutex_;
  mutable std::vector<StartedRecord> started_;  // guarded by started_mutex_: in the file, not yet in the index
};

// ---- opening ---------------------------------------------------------------------------------------------------------------

Status FileJournal::open() {
  BRINE_TRY(file_.open());
  BRINE_LET(std::string content, file_.read());
  if (auto replayed = replay(content); !replayed) {
    if (replayed.error().code != Code::kCorrupt) return replayed;
    BRINE_TRY(put_file_aside(replayed.error().message));
    BRINE_TRY(file_.open());
    BRINE_TRY(begin());
  }
  BRINE_TRY(note_boot());
  // What was read may have been in the kernel only; from here on it counts as remembered.
  return file_.sync();
}

Status FileJournal::begin() {
  epoch_ = random_epoch();
  return append(HeaderRecord{kJournalVersion, epoch_, 0});
}

Status FileJournal::replay(std::string_view content) {
  std::size_t at = 0;
  std::uint64_t sequence = 0;
  while (at < content.size()) {
    const std::string_view rest = content.substr(at);
    const auto found = first_record(rest);
    if (!found) {
      // A torn tail is what a crash leaves; something whole behind it, or a header that was written whole, shows that more has happened.
      if (contains_record(rest) || (at == 0 && content.size() >= kHeaderRecordBytes))
        return fail(Code::kCorrupt, "a damaged record at byte " + std::to_string(at));
      log::warning("the journal {} ends in a torn record of {} bytes: cut off", file_.path(), rest.size());
      break;
    }
    const auto* header = std::get_if<HeaderRecord>(&found->record);
    if ((header != nullptr) != (at == 0))
      return fail(Code::kCorrupt, "a header is missing or in the wrong place, byte " + std::to_string(at));
    if (header != nullptr) sequence = header->sequence;
    BRINE_TRY(apply(found->record));
    ++sequence;
    at += found->size;
  }
  BRINE_TRY(file_.keep(at, sequence));
  return at == 0 ? begin() : Status();
}

Status FileJournal::apply(const JournalRecord& record) {
  if (const auto* header = std::get_if<HeaderRecord>(&record)) {
    if (header->version != kJournalVersion)
      return fail(Code::kUnsupported, "the journal " + file_.path() + " was written by another version of brine (format " +
                                          std::to_string(header->version) + ", this one reads " + std::to_string(kJournalVersion) +
                                          "); run that version until its returns are delivered, or move the file away");
    epoch_ = header->epoch;
  } else if (const auto* birth = std::get_if<BirthRecord>(&record)) {
    birth_ = birth->birth;
  } else if (const auto* boot = std::get_if<BootRecord>(&record)) {
    if (boot->boot != file_boot_) index_.drop_commands();
    file_boot_ = boot->boot;
  } else if (const auto* begun = std::get_if<BegunRecord>(&record)) {
    index_.begun(begun->jid, begun->not_after, begun->job_hash);
  } else if (const auto* started = std::get_if<StartedRecord>(&record)) {
    index_.started(started->jid, started->command);
  } else if (const auto* done = std::get_if<DoneRecord>(&record)) {
    index_.done(done->jid, done->not_after, std::string(done->outcome));
  } else if (const auto* acked = std::get_if<AckedRecord>(&record)) {
    index_.acked(acked->jid, acked->not_after);
  }
  return {};
}

Status FileJournal::note_boot() {
  if (file_boot_ == boot_) return {};
  BRINE_TRY(append(BootRecord{boot_}));
  index_.drop_commands();
  file_boot_ = boot_;
  return {};
}

Status FileJournal::put_file_aside(const std::string& why) {
  BRINE_LET(put_aside_, file_.put_aside());
  log::error("the journal {} is not intact ({}); it was put aside as {}. Jobs issued before now are answered with \"unknown\"",
             file_.path(), why, put_aside_);
  index_ = {};
  epoch_ = 0;
  birth_ = 0;
  file_boot_.clear();
  return {};
}

// ---- writing ---------------------------------------------------------------------------------------------------------------

Status FileJournal::append(const JournalRecord& record) {
  if (size_of(record) > kMaxRecordBody) return fail(Code::kInvalid, "a record of the journal has at most 1 GiB");
  std::string bytes;
  append_record(bytes, record);
  return file_.append(bytes);
}

std::unexpected<Error> no_jid(const JobId& jid) { return fail(Code::kInvalid, "'" + jid.str() + "' is not a jid"); }

Status FileJournal::set_birth(UnixMicros birth) {
  BRINE_TRY(append(BirthRecord{birth}));
  birth_ = birth;
  return {};
}

Status FileJournal::renew(UnixMicros birth) {
  const auto before = std::pair(epoch_, birth_);
  epoch_ = random_epoch();
  birth_ = birth;
  auto rewritten = rewrite();
  if (!rewritten) std::tie(epoch_, birth_) = before;
  return rewritten;
}

Status FileJournal::begun(const JobId& jid, UnixMicros not_after, std::string_view job_hash) {
  const auto packed = pack(jid);
  if (!packed) return no_jid(jid);
  if (job_hash.size() > kMaxJobHash) return fail(Code::kInvalid, "a job's hash has at most 64 bytes");
  if (index_.state_of(*packed)) return fail(Code::kExists, "the job " + jid.str() + " is in the journal already: it does not run twice");
  take_started();  // what was started before is not of this job
  const BegunRecord record{*packed, not_after, job_hash};
  const std::uint64_t taken = index_.live_bytes();
  if (taken + size_of(record) > max_bytes_)
    return fail(Code::kFull, "the spool is full: " + std::to_string(taken) + " of " + std::to_string(max_bytes_) +
                                 " bytes (spool: max_bytes) are taken by jobs and by returns that no master has acknowledged");
  BRINE_TRY(append(record));
  index_.begun(*packed, not_after, job_hash);
  return {};
}

Status FileJournal::started(const JobId& jid, const StartedCommand& command) {
  const auto packed = pack(jid);
  if (!packed) return no_jid(jid);
  const StartedRecord record{*packed, command};
  std::lock_guard lock(started_mutex_);
  BRINE_TRY(append(record));
  started_.push_back(record);
  return {};
}

void FileJournal::take_started() const {
  std::lock_guard lock(started_mutex_);
  for (const StartedRecord& record : std::exchange(started_, {})) index_.started(record.jid, record.command);
}

Status FileJournal::done(const JobId& jid, UnixMicros not_after, std::string outcome) {
  const auto packed = pack(jid);
  if (!packed) return no_jid(jid);
  const auto state = index_.state_of(*packed);
  if (state && *state != JobState::kBegun) return fail(Code::kExists, "the job " + jid.str() + " is done already: its first return stays");
  auto written = append(DoneRecord{*packed, not_after, outcome});
  if (!written && written.error().code == Code::kInvalid) return written;
  take_started();
  index_.done(*packed, not_after, std::move(outcome));
  if (!written) missing_.insert(*packed);
  return written;
}

Status FileJournal::acked(const JobId& jid) {
  const auto packed = pack(jid);
  if (!packed || index_.state_of(*packed) != JobState::kDone) return {};
  const UnixMicros not_after = index_.find(*packed)->not_after;
  index_.acked(*packed, not_after);
  missing_.erase(*packed);
  return append(AckedRecord{*packed, not_after});
}

Status FileJournal::sync() {
  // Their owners have been told; when there is still no room, that is no news, and what was written can be synced all the same.
  if (auto written = write_missing(); !written) log::debug("{}", written.error().message);
  return file_.sync();
}

Status FileJournal::write_missing() {
  while (!missing_.empty()) {
    const JournalEntry* entry = index_.find(*missing_.begin());
    BRINE_TRY(append(DoneRecord{*missing_.begin(), entry->not_after, entry->outcome}));
    missing_.erase(missing_.begin());
  }
  return {};
}

// ---- looking ---------------------------------------------------------------------------------------------------------------

const JournalEntry* FileJournal::find(const JobId& jid) const {
  const auto packed = pack(jid);
  if (!packed) return nullptr;
  take_started();
  return index_.find(*packed);
}

std::vector<const JournalEntry*> FileJournal::unfinished() const {
  take_started();
  return index_.in_state(JobState::kBegun);
}

// ---- compaction ------------------------------------------------------------------------------------------------------------

Status FileJournal::compact(UnixMicros now) {
  if (now > kRememberAfter) index_.forget_before(now - kRememberAfter);
  if (worth_compacting()) return rewrite();
  return write_missing();
}

std::vector<JournalRecord> FileJournal::preamble() const {
  std::vector<JournalRecord> records{HeaderRecord{kJournalVersion, epoch_, 0}, BootRecord{file_boot_}};
  if (birth_ != 0) records.emplace_back(BirthRecord{birth_});
  return records;
}

bool FileJournal::worth_compacting() const {
  std::uint64_t live = index_.live_bytes();
  for (const JournalRecord& record : preamble()) live += size_of(record);
  const std::uint64_t all = file_.bytes();
  return all > live && all - live > kWorthCompacting && all - live > all / 2;
}

Status FileJournal::rewrite() {
  std::lock_guard lock(started_mutex_);
  for (const StartedRecord& record : std::exchange(started_, {})) index_.started(record.jid, record.command);
  auto first = preamble();
  std::uint64_t count = first.size();
  index_.each_record([&](const JournalRecord&) { ++count; });
  // After reading all of it back, the sequence is what it is now.
  std::get<HeaderRecord>(first.front()).sequence = file_.sequence() - count;
  std::string content;
  for (const JournalRecord& record : first) append_record(content, record);
  index_.each_record([&](const JournalRecord& record) { append_record(content, record); });
  BRINE_TRY(file_.replace(content));
  missing_.clear();
  return {};
}

}  // namespace

Result<std::unique_ptr<Journal>> open_file_journal(const FileJournalOptions& options) {
  auto journal = std::make_unique<FileJournal>(options);
  BRINE_TRY(journal->open());
  return journal;
}

}  // namespace brine::minion
