// Random operations on a journal, against a model that is a map, with restarts at random moments.

#include <gtest/gtest.h>

#include <random>

#include "tests/unit/minion/journal_fixture.h"

namespace brine::minion {
namespace {

constexpr int kJobs = 40;

class JournalModel : public JournalTest {
 protected:
  void run(unsigned seed, int steps) {
    random_.seed(seed);
    reopen();
    for (int i = 0; i < steps && !HasFailure(); ++i) {
      step();
      if (i % 10 == 0) check();
    }
    restart();
    check();
  }

  int below(int bound) { return static_cast<int>(random_() % static_cast<unsigned>(bound)); }

  void step() {
    const JobId jid = job(below(kJobs));
    const int kind = below(100);
    if (kind < 20)
      begin(jid);
    else if (kind < 35)
      start(jid);
    else if (kind < 60)
      finish(jid);
    else if (kind < 85)
      acknowledge(jid);
    else if (kind < 90)
      EXPECT_TRUE(succeeded(journal_->sync()));
    else if (kind < 96)
      compact();
    else
      restart();
  }

  void begin(const JobId& jid) {
    const UnixMicros not_after = now_ + below(100) * kSecond;
    const auto begun = journal_->begun(jid, not_after, "hash");
    ASSERT_EQ(begun.has_value(), !model_.contains(jid));
    if (begun) remember(jid, {JobState::kBegun, not_after, {}, ""});
  }

  void start(const JobId& jid) {
    const StartedCommand command{below(30'000) + 2, random_()};
    ASSERT_TRUE(succeeded(journal_->started(jid, command)));
    if (const auto found = model_.find(jid); found != model_.end() && found->second.state == JobState::kBegun)
      found->second.commands.emplace_back(command.pgid, command.start_ticks);
  }

  void finish(const JobId& jid) {
    const auto found = model_.find(jid);
    const bool may = found == model_.end() || found->second.state == JobState::kBegun;
    std::string outcome(static_cast<std::size_t>(below(20) == 0 ? 400'000 : below(300)), '\0');
    for (char& byte : outcome) byte = static_cast<char>(random_());
    const auto done = journal_->done(jid, now_, outcome);
    ASSERT_EQ(done.has_value(), may);
    if (done) remember(jid, {JobState::kDone, now_, {}, outcome});
  }

  void acknowledge(const JobId& jid) {
    ASSERT_TRUE(succeeded(journal_->acked(jid)));
    if (const auto found = model_.find(jid); found != model_.end() && found->second.state == JobState::kDone)
      found->second = {JobState::kAcked, found->second.not_after, {}, ""};
  }

  void compact() {
    now_ += below(3) * kHour / 2;
    const std::size_t before = file_size();
    ASSERT_TRUE(succeeded(journal_->compact(now_)));
    if (file_size() < before) ++rewritten_;
    for (auto it = model_.begin(); it != model_.end();) {
      if (it->second.state == JobState::kAcked && it->second.not_after + kHour < now_) {
        forgotten_[it->first] = it->second;
        it = model_.erase(it);
        ++forgot_;
      } else {
        ++it;
      }
    }
  }

  // What was forgotten is in the file until that is rewritten: it may come back, and no harm is done.
  void restart() {
    const auto epoch = journal_->epoch();
    ASSERT_TRUE(journal_->sync());
    const auto sequence = journal_->sequence();
    reopen();
    ASSERT_EQ(journal_->epoch(), epoch);
    ASSERT_EQ(journal_->sequence(), sequence);
    ASSERT_EQ(journal_->put_aside(), "");
    for (const auto& [jid, entry] : forgotten_) {
      if (const auto found = seen(*journal_, jid)) {
        ASSERT_EQ(*found, entry);
        model_[jid] = entry;
      }
    }
    forgotten_.clear();
  }

  void remember(const JobId& jid, Seen entry) {
    model_[jid] = std::move(entry);
    forgotten_.erase(jid);
  }

  void check() {
    for (int i = 0; i < kJobs; ++i) {
      const auto expected = model_.find(job(i));
      ASSERT_EQ(seen(*journal_, job(i)), expected == model_.end() ? std::nullopt : std::optional(expected->second)) << i;
    }
    std::vector<JobId> begun;
    std::vector<JobId> done;
    for (const auto& [jid, entry] : model_) {
      if (entry.state == JobState::kBegun) begun.push_back(jid);
      if (entry.state == JobState::kDone) done.push_back(jid);
    }
    ASSERT_EQ(jids_of(journal_->unfinished()), begun);
    ASSERT_EQ(jids_of(journal_->unacknowledged()), done);
  }

  static std::vector<JobId> jids_of(const std::vector<const JournalEntry*>& entries) {
    std::vector<JobId> jids;
    for (const JournalEntry* entry : entries) jids.push_back(entry->jid);
    return jids;
  }

  std::mt19937_64 random_;
  UnixMicros now_ = kNow;
  Contents model_;
  Contents forgotten_;
  int rewritten_ = 0;
  int forgot_ = 0;
};

TEST_F(JournalModel, AgreesAfterAnySequenceOfOperationsAndRestarts) {
  for (unsigned seed = 1; seed <= 5 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    journal_.reset();
    ::remove(path().c_str());
    model_.clear();
    forgotten_.clear();
    run(seed, 1'500);
  }
  EXPECT_GT(rewritten_, 0) << "compaction was never tried";
  EXPECT_GT(forgot_, 0);
}

}  // namespace
}  // namespace brine::minion
