#include "loadtest/memory_journal.h"

#include <mutex>
#include <random>
#include <utility>

#include "minion/journal_index.h"
#include "minion/journal_record.h"

namespace brine::loadtest {
namespace {

using namespace brine::minion;

constexpr UnixMicros kRememberAfter = 3'600LL * 1'000'000;

std::uint64_t random_epoch() {
  std::random_device random;
  return static_cast<std::uint64_t>(random()) << 32 | random();
}

std::unexpected<Error> no_jid(const JobId& jid) { return fail(Code::kInvalid, "'" + jid.str() + "' is not a jid"); }

class MemoryJournal final : public Journal {
 public:
  explicit MemoryJournal(const MemoryJournalOptions& options) : max_bytes_(options.max_bytes) {}

  std::uint64_t epoch() const override { return epoch_; }
  UnixMicros birth() const override { return birth_; }
  std::uint64_t sequence() const override { return synced_; }

  Status set_birth(UnixMicros birth) override {
    birth_ = birth;
    count();
    return {};
  }

  Status renew(UnixMicros birth) override {
    epoch_ = random_epoch();
    birth_ = birth;
    count();
    return sync();
  }

  Status begun(const JobId& jid, UnixMicros not_after, std::string_view job_hash) override {
    const auto packed = pack(jid);
    if (!packed) return no_jid(jid);
    if (job_hash.size() > kMaxJobHash) return fail(Code::kInvalid, "a job's hash has at most 64 bytes");
    if (index_.state_of(*packed)) return fail(Code::kExists, "the job " + jid.str() + " is in the journal already: it does not run twice");
    take_started();
    if (index_.live_bytes() + size_of(BegunRecord{*packed, not_after, job_hash}) > max_bytes_)
      return fail(Code::kFull, "the spool is full: " + std::to_string(max_bytes_) + " bytes are taken by jobs and returns");
    index_.begun(*packed, not_after, job_hash);
    count();
    return {};
  }

  Status started(const JobId& jid, const StartedCommand& command) override {
    const auto packed = pack(jid);
    if (!packed) return no_jid(jid);
    std::lock_guard lock(started_mutex_);
    started_.emplace_back(*packed, command);
    return {};
  }

  Status done(const JobId& jid, UnixMicros not_after, std::string outcome) override {
    const auto packed = pack(jid);
    if (!packed) return no_jid(jid);
    const auto state = index_.state_of(*packed);
    if (state && *state != JobState::kBegun)
      return fail(Code::kExists, "the job " + jid.str() + " is done already: its first return stays");
    take_started();
    index_.done(*packed, not_after, std::move(outcome));
    count();
    return {};
  }

  Status acked(const JobId& jid) override {
    const auto packed = pack(jid);
    if (!packed || index_.state_of(*packed) != JobState::kDone) return {};
    index_.acked(*packed, index_.find(*packed)->not_after);
    count();
    return {};
  }

  Status sync() override {
    take_started();
    synced_ = written_;
    return {};
  }

  const JournalEntry* find(const JobId& jid) const override {
    const auto packed = pack(jid);
    if (!packed) return nullptr;
    take_started();
    return index_.find(*packed);
  }
  std::vector<const JournalEntry*> unfinished() const override {
    take_started();
    return index_.in_state(JobState::kBegun);
  }
  std::vector<const JournalEntry*> unacknowledged() const override { return index_.in_state(JobState::kDone); }

  Status compact(UnixMicros now) override {
    if (now > kRememberAfter) index_.forget_before(now - kRememberAfter);
    return {};
  }

 private:
  void count() { ++written_; }

  void take_started() const {
    std::lock_guard lock(started_mutex_);
    for (const auto& [jid, command] : started_) {
      index_.started(jid, command);
      ++written_;
    }
    std::vector<std::pair<PackedJid, StartedCommand>>().swap(started_);
  }

  const std::uint64_t max_bytes_;
  std::uint64_t epoch_ = random_epoch();
  UnixMicros birth_ = 0;
  mutable std::uint64_t written_ = 1;  // the header
  std::uint64_t synced_ = 1;
  mutable JournalIndex index_;

  mutable std::mutex started_mutex_;
  mutable std::vector<std::pair<PackedJid, StartedCommand>> started_;  // guarded by started_mutex_
};

}  // namespace

std::unique_ptr<Journal> make_memory_journal(const MemoryJournalOptions& options) { return std::make_unique<MemoryJournal>(options); }

}  // namespace brine::loadtest
