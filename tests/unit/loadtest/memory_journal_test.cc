// The rules of minion/journal.h, on the journal in memory and on the one in a file: what simulated minions do with theirs is what real
// ones do.
#include "loadtest/memory_journal.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <random>

#include "tests/unit/base/temporary_folder.h"

namespace brine::loadtest {
namespace {

using minion::JobState;
using minion::Journal;
using minion::JournalEntry;

constexpr UnixMicros kSecond = 1'000'000;
constexpr UnixMicros kHour = 3'600 * kSecond;
constexpr UnixMicros kNow = 1'700'000'000 * kSecond;
constexpr std::uint64_t kBound = 4'096;

JobId job(int number) { return job_id_at(kNow + number); }

std::vector<JobId> jids_of(const std::vector<const JournalEntry*>& entries) {
  std::vector<JobId> jids;
  for (const JournalEntry* entry : entries) jids.push_back(entry->jid);
  return jids;
}

class JournalRules : public testing::TestWithParam<const char*> {
 protected:
  JournalRules() { journal_ = open(std::string(GetParam()), folder_ / "journal"); }

  static std::unique_ptr<Journal> open(const std::string& kind, const std::string& path) {
    if (kind == "memory") return make_memory_journal({kBound});
    auto opened = minion::open_file_journal({path, kBound, "a boot"});
    EXPECT_TRUE(opened) << opened.error().message;
    return std::move(*opened);
  }

  TemporaryFolder folder_;
  std::unique_ptr<Journal> journal_;
};

TEST_P(JournalRules, AJobGoesFromBegunToDoneToAcknowledged) {
  ASSERT_TRUE(journal_->begun(job(1), kNow, "hash"));
  EXPECT_EQ(journal_->find(job(1))->state, JobState::kBegun);
  ASSERT_TRUE(journal_->started(job(1), {4711, 99}));
  ASSERT_EQ(journal_->find(job(1))->commands.size(), 1U);
  EXPECT_EQ(journal_->find(job(1))->commands[0].pgid, 4711);
  ASSERT_TRUE(journal_->done(job(1), kNow, "outcome"));
  EXPECT_EQ(journal_->find(job(1))->state, JobState::kDone);
  EXPECT_EQ(journal_->find(job(1))->outcome, "outcome");
  ASSERT_TRUE(journal_->acked(job(1)));
  EXPECT_EQ(journal_->find(job(1))->state, JobState::kAcked);
  EXPECT_EQ(journal_->find(job(2)), nullptr);
}

TEST_P(JournalRules, AKnownJidIsNotBegunAgainWhateverItsState) {
  ASSERT_TRUE(journal_->begun(job(0), kNow, ""));
  ASSERT_TRUE(journal_->done(job(1), kNow, "x"));
  ASSERT_TRUE(journal_->done(job(2), kNow, "x"));
  ASSERT_TRUE(journal_->acked(job(2)));
  for (int number = 0; number < 3; ++number) EXPECT_EQ(journal_->begun(job(number), kNow, "").error().code, Code::kExists);
}

TEST_P(JournalRules, TheFirstOutcomeStays) {
  ASSERT_TRUE(journal_->done(job(0), kNow, "first"));
  EXPECT_EQ(journal_->done(job(0), kNow, "second").error().code, Code::kExists);
  EXPECT_EQ(journal_->find(job(0))->outcome, "first");
}

TEST_P(JournalRules, OnlyADoneJobIsAcknowledged) {
  ASSERT_TRUE(journal_->begun(job(0), kNow, ""));
  ASSERT_TRUE(journal_->acked(job(0)));
  ASSERT_TRUE(journal_->acked(job(1)));
  EXPECT_EQ(journal_->find(job(0))->state, JobState::kBegun);
  EXPECT_EQ(journal_->find(job(1)), nullptr);
}

TEST_P(JournalRules, AFullSpoolRefusesJobsAndNeverAnOutcome) {
  ASSERT_TRUE(journal_->begun(job(0), kNow, ""));
  ASSERT_TRUE(journal_->done(job(0), kNow, std::string(kBound, 'x')));
  EXPECT_EQ(journal_->begun(job(1), kNow, "").error().code, Code::kFull);
  ASSERT_TRUE(journal_->done(job(2), kNow, std::string(kBound, 'y')));
  ASSERT_TRUE(journal_->acked(job(0)));
  ASSERT_TRUE(journal_->acked(job(2)));
  EXPECT_TRUE(journal_->begun(job(1), kNow, ""));
}

TEST_P(JournalRules, WhatIsNoJidIsRefused) {
  const JobId none = JobId::trusted("no jid");
  EXPECT_EQ(journal_->begun(none, kNow, "").error().code, Code::kInvalid);
  EXPECT_EQ(journal_->started(none, {1, 1}).error().code, Code::kInvalid);
  EXPECT_EQ(journal_->done(none, kNow, "").error().code, Code::kInvalid);
  EXPECT_EQ(journal_->find(none), nullptr);
}

TEST_P(JournalRules, ForgetsAnAcknowledgedJobAnHourAfterItsLife) {
  ASSERT_TRUE(journal_->done(job(0), kNow, "x"));
  ASSERT_TRUE(journal_->acked(job(0)));
  ASSERT_TRUE(journal_->begun(job(1), kNow, ""));
  ASSERT_TRUE(journal_->compact(0));
  ASSERT_TRUE(journal_->compact(kNow + kHour));
  EXPECT_NE(journal_->find(job(0)), nullptr);
  ASSERT_TRUE(journal_->compact(kNow + kHour + 1));
  EXPECT_EQ(journal_->find(job(0)), nullptr);
  EXPECT_NE(journal_->find(job(1)), nullptr) << "what is not acknowledged is never forgotten";
}

TEST_P(JournalRules, SequenceCountsWhatWasSyncedAndEpochsDiffer) {
  const auto before = journal_->sequence();
  ASSERT_TRUE(journal_->set_birth(kNow));
  EXPECT_EQ(journal_->birth(), kNow);
  ASSERT_TRUE(journal_->begun(job(0), kNow, ""));
  EXPECT_EQ(journal_->sequence(), before);
  ASSERT_TRUE(journal_->sync());
  EXPECT_EQ(journal_->sequence(), before + 2);
  const auto other = open(GetParam(), folder_ / "other");
  EXPECT_NE(other->epoch(), journal_->epoch());
}

INSTANTIATE_TEST_SUITE_P(Journals, JournalRules, testing::Values("memory", "file"),
                         [](const auto& kind) { return std::string(kind.param); });

// Both journals get the same random operations, and have to give the same answers.
TEST(MemoryJournal, AgreesWithTheFilesAfterAnySequenceOfOperations) {
  TemporaryFolder folder;
  const auto memory = make_memory_journal({kBound});
  const auto file = *minion::open_file_journal({folder / "journal", kBound, "a boot"});
  std::mt19937 random(7);
  const auto below = [&](unsigned bound) { return static_cast<int>(random() % bound); };
  const auto both = [&](const std::function<Status(Journal&)>& operation) {
    const Status here = operation(*memory);
    const Status there = operation(*file);
    ASSERT_EQ(here.has_value(), there.has_value());
    if (!here) {
      EXPECT_EQ(here.error().code, there.error().code);
    }
  };
  UnixMicros now = kNow;
  int refused = 0;
  for (int i = 0; i < 3'000 && !testing::Test::HasFailure(); ++i) {
    const JobId jid = job(below(30));
    const UnixMicros not_after = now + below(50) * kSecond;
    const std::string outcome(static_cast<std::size_t>(below(300)), 'o');
    switch (below(8)) {
      case 0:
      case 1: both([&](Journal& journal) { return journal.begun(jid, not_after, "hash"); }); break;
      case 2: both([&](Journal& journal) { return journal.started(jid, {7, 8}); }); break;
      case 3:
      case 4: both([&](Journal& journal) { return journal.done(jid, not_after, outcome); }); break;
      case 5: both([&](Journal& journal) { return journal.acked(jid); }); break;
      case 6: both([&](Journal& journal) { return journal.sync(); }); break;
      default: now += below(4) * kHour / 4; both([&](Journal& journal) { return journal.compact(now); });
    }
    const JournalEntry* here = memory->find(jid);
    const JournalEntry* there = file->find(jid);
    ASSERT_EQ(here == nullptr, there == nullptr) << i;
    if (here == nullptr) continue;
    EXPECT_EQ(here->state, there->state);
    EXPECT_EQ(here->outcome, there->outcome);
    EXPECT_EQ(here->not_after, there->not_after);
    EXPECT_EQ(here->commands.size(), there->commands.size());
    EXPECT_EQ(jids_of(memory->unfinished()), jids_of(file->unfinished()));
    EXPECT_EQ(jids_of(memory->unacknowledged()), jids_of(file->unacknowledged()));
    if (!memory->begun(job(100), now, "")) ++refused;
    static_cast<void>(file->begun(job(100), now, ""));
  }
  EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace brine::loadtest
