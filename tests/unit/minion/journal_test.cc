#include "minion/journal.h"

#include <gmock/gmock.h>
#include <malloc.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "tests/unit/minion/disk_faults.h"
#include "tests/unit/minion/journal_fixture.h"

extern "C" __attribute__((weak)) std::size_t __sanitizer_get_current_allocated_bytes();

namespace brine::minion {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<JobId> jids_of(const std::vector<const JournalEntry*>& entries) {
  std::vector<JobId> jids;
  for (const JournalEntry* entry : entries) jids.push_back(entry->jid);
  return jids;
}

// ---- what is remembered ----------------------------------------------------------------------------------------------------

TEST_F(Journals, RemembersEveryStateOfAJobAcrossARestart) {
  ASSERT_TRUE(journal_->begun(job(0), kNow, "hash"));
  ASSERT_TRUE(journal_->begun(job(1), kNow + 1, "hash"));
  ASSERT_TRUE(journal_->started(job(1), {4711, 99}));
  ASSERT_TRUE(journal_->started(job(1), {4712, 100}));
  ASSERT_TRUE(journal_->begun(job(2), kNow + 2, "hash"));
  ASSERT_TRUE(journal_->done(job(2), kNow + 2, std::string("out\0come", 8)));
  ASSERT_TRUE(journal_->done(job(3), kNow + 3, "never begun: may be repeated"));
  run_to_the_end(4, 10, kNow + 4);
  const Contents expected{{job(0), {JobState::kBegun, kNow, {}, ""}},
                          {job(1), {JobState::kBegun, kNow + 1, {{4711, 99}, {4712, 100}}, ""}},
                          {job(2), {JobState::kDone, kNow + 2, {}, std::string("out\0come", 8)}},
                          {job(3), {JobState::kDone, kNow + 3, {}, "never begun: may be repeated"}},
                          {job(4), {JobState::kAcked, kNow + 4, {}, ""}}};
  EXPECT_EQ(contents(*journal_, 10), expected);
  reopen();
  EXPECT_EQ(contents(*journal_, 10), expected);
  EXPECT_EQ(journal_->find(JobId()), nullptr);
}

TEST_F(Journals, ListsWhatIsUnfinishedAndUnacknowledgedInOrderOfJid) {
  for (const int number : {5, 1, 3}) ASSERT_TRUE(journal_->begun(job(number), kNow, ""));
  for (const int number : {6, 2, 4}) ASSERT_TRUE(journal_->done(job(number), kNow, "x"));
  run_to_the_end(0, 1);
  EXPECT_THAT(jids_of(journal_->unfinished()), ElementsAre(job(1), job(3), job(5)));
  EXPECT_THAT(jids_of(journal_->unacknowledged()), ElementsAre(job(2), job(4), job(6)));
  // A caller ends each of the list while it goes through it.
  for (const JournalEntry* entry : journal_->unfinished()) ASSERT_TRUE(journal_->done(JobId(entry->jid), entry->not_after, "interrupted"));
  EXPECT_THAT(journal_->unfinished(), IsEmpty());
}

TEST_F(Journals, AJidThatIsKnownIsNotBegunAgainWhateverItsState) {
  ASSERT_TRUE(journal_->begun(job(0), kNow, ""));
  ASSERT_TRUE(journal_->done(job(1), kNow, "first"));
  run_to_the_end(2, 1);
  for (int round = 0; round < 2; ++round) {
    const Contents before = contents(*journal_, 3);
    for (int number = 0; number < 3; ++number) EXPECT_EQ(journal_->begun(job(number), kNow, "").error().code, Code::kExists);
    EXPECT_EQ(contents(*journal_, 3), before);
    reopen();
  }
}

TEST_F(Journals, TheFirstOutcomeStays) {
  ASSERT_TRUE(journal_->done(job(0), kNow, "first"));
  run_to_the_end(1, 1);
  EXPECT_EQ(journal_->done(job(0), kNow, "second").error().code, Code::kExists);
  EXPECT_EQ(journal_->done(job(1), kNow, "second").error().code, Code::kExists);
  reopen();
  EXPECT_EQ(seen(*journal_, job(0))->outcome, "first");
  EXPECT_EQ(seen(*journal_, job(1))->state, JobState::kAcked);
}

TEST_F(Journals, OnlyADoneJobCanBeAcknowledged) {
  ASSERT_TRUE(journal_->begun(job(0), kNow, ""));
  const std::size_t before = file_size();
  EXPECT_TRUE(journal_->acked(job(0)));
  EXPECT_TRUE(journal_->acked(job(1)));
  EXPECT_TRUE(journal_->acked(JobId()));
  EXPECT_EQ(file_size(), before);
  EXPECT_EQ(seen(*journal_, job(0))->state, JobState::kBegun);
}

TEST_F(Journals, WhatIsNoJidIsRefused) {
  const JobId wrong = JobId::trusted("20231314221320000001");
  EXPECT_EQ(journal_->begun(wrong, kNow, "").error().code, Code::kInvalid);
  EXPECT_EQ(journal_->started(wrong, {}).error().code, Code::kInvalid);
  EXPECT_EQ(journal_->done(wrong, kNow, "").error().code, Code::kInvalid);
  EXPECT_EQ(journal_->begun(job(0), kNow, std::string(65, 'h')).error().code, Code::kInvalid);
  EXPECT_EQ(journal_->find(job(0)), nullptr);
}

TEST_F(Journals, AJidInALeapSecondIsKeptToTheLetter) {
  const JobId odd = JobId::parse("20161231235960000000").value();
  ASSERT_TRUE(journal_->begun(odd, kNow, ""));
  reopen();
  ASSERT_NE(journal_->find(odd), nullptr);
  EXPECT_EQ(journal_->find(odd)->jid, odd);
}

TEST_F(Journals, EpochBirthAndSequenceLiveAsLongAsTheFile) {
  EXPECT_EQ(journal_->birth(), 0);
  ASSERT_TRUE(journal_->set_birth(kNow));
  run_to_the_end(0, 1);
  ASSERT_TRUE(journal_->sync());
  const auto epoch = journal_->epoch();
  const auto sequence = journal_->sequence();
  reopen();
  EXPECT_EQ(journal_->epoch(), epoch);
  EXPECT_EQ(journal_->birth(), kNow);
  EXPECT_EQ(journal_->sequence(), sequence);
  journal_.reset();
  ASSERT_EQ(::unlink(path().c_str()), 0);
  reopen();
  EXPECT_NE(journal_->epoch(), epoch);
  EXPECT_EQ(journal_->birth(), 0);
}

TEST_F(Journals, RenewedJournalHasAnotherEpochAndKnowsWhatItKnew) {
  ASSERT_TRUE(journal_->set_birth(kNow));
  ASSERT_TRUE(journal_->begun(job(1), kNow + kHour, "hash"));
  ASSERT_TRUE(journal_->begun(job(2), kNow + kHour, "hash"));
  ASSERT_TRUE(journal_->done(job(2), kNow + kHour, "two"));
  ASSERT_TRUE(journal_->sync());
  const auto epoch = journal_->epoch();
  const auto sequence = journal_->sequence();
  ASSERT_TRUE(journal_->renew(kNow + kSecond));
  const auto renewed = journal_->epoch();
  EXPECT_NE(renewed, epoch);
  EXPECT_GE(journal_->sequence(), sequence);
  reopen();
  EXPECT_EQ(journal_->epoch(), renewed);
  EXPECT_EQ(journal_->birth(), kNow + kSecond);
  EXPECT_EQ(seen(*journal_, job(1))->state, JobState::kBegun);
  EXPECT_EQ(seen(*journal_, job(2))->outcome, "two");
}

TEST_F(Journals, SequenceCountsOnlyWhatAPowerCutWouldLeave) {
  const auto before = journal_->sequence();
  ASSERT_TRUE(journal_->begun(job(0), kNow, ""));
  EXPECT_EQ(journal_->sequence(), before);
  ASSERT_TRUE(journal_->sync());
  EXPECT_EQ(journal_->sequence(), before + 1);
}

TEST_F(Journals, CommandsOfAnotherBootAreForgottenAndTheirJobIsNot) {
  ASSERT_TRUE(journal_->begun(job(0), kNow, ""));
  ASSERT_TRUE(journal_->started(job(0), {4711, 99}));
  boot_ = "the next boot";
  reopen();
  EXPECT_THAT(seen(*journal_, job(0))->commands, IsEmpty());
  ASSERT_TRUE(journal_->started(job(0), {5, 6}));
  reopen();
  EXPECT_THAT(seen(*journal_, job(0))->commands, ElementsAre(std::pair{5, std::uint64_t{6}}));
}

TEST_F(Journals, TheKernelsBootIsAskedForWhenNoneIsGiven) {
  boot_.clear();
  reopen();
  ASSERT_TRUE(journal_->begun(job(0), kNow, ""));
  ASSERT_TRUE(journal_->started(job(0), {4711, 99}));
  reopen();
  EXPECT_EQ(seen(*journal_, job(0))->commands.size(), 1U);
  journal_.reset();
  const std::string content = file();
  std::string boot;
  for (const JournalRecord& record : records_in(content)) {
    if (const auto* found = std::get_if<BootRecord>(&record)) boot = found->boot;
  }
  EXPECT_THAT(boot, HasSubstr("pid:["));
}

// ---- file, lock and sync ---------------------------------------------------------------------------------------------------

TEST_F(Journals, NobodyElseMayReadTheFile) {
  const auto mode = [this] {
    struct stat info{};
    ::stat(path().c_str(), &info);
    return info.st_mode & 07777;
  };
  EXPECT_EQ(mode(), 0600U);
  journal_.reset();
  ::chmod(path().c_str(), 0644);
  reopen();
  EXPECT_EQ(mode(), 0600U);
}

TEST_F(Journals, TwoMinionsCannotShareOne) {
  const auto second = open_file_journal(options());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kUnavailable);
  EXPECT_THAT(second.error().message, HasSubstr(path()));
  EXPECT_THAT(second.error().message, HasSubstr("another minion"));
  journal_.reset();
  EXPECT_TRUE(open_file_journal(options()));
}

TEST_F(Journals, ALockOnAFileThatWasReplacedMeanwhileIsWorthNothing) {
  ASSERT_TRUE(journal_->begun(job(0), kNow, ""));
  journal_.reset();
  const std::string newer = file();
  write(newer.substr(0, kHeaderRecordBytes));
  disk_faults().before_lock = [&] { write(newer); };
  reopen();
  EXPECT_NE(journal_->find(job(0)), nullptr);
  EXPECT_FALSE(open_file_journal(options())) << "the file that has the name now is locked";
}

TEST_F(Journals, AFolderInItsPlaceIsAClearError) {
  journal_.reset();
  ASSERT_EQ(::unlink(path().c_str()), 0);
  ASSERT_EQ(::mkdir(path().c_str(), 0700), 0);
  const auto opened = open_file_journal(options());
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr(path()));
}

TEST_F(Journals, SyncsOnlyWhatIsNotSyncedYet) {
  const int before = disk_faults().file_syncs;
  ASSERT_TRUE(journal_->sync());
  EXPECT_EQ(disk_faults().file_syncs, before);
  ASSERT_TRUE(journal_->begun(job(0), kNow, ""));
  EXPECT_EQ(disk_faults().file_syncs, before);
  ASSERT_TRUE(journal_->sync());
  ASSERT_TRUE(journal_->sync());
  EXPECT_EQ(disk_faults().file_syncs, before + 1);
}

TEST_F(Journals, WhatIsWrittenWhileASyncRunsDoesNotWaitForItAndIsLeftToTheNext) {
  ASSERT_TRUE(journal_->begun(job(0), kNow, ""));
  const auto sequence = journal_->sequence();
  disk_faults().during_file_sync = [this] { std::thread([this] { EXPECT_TRUE(journal_->started(job(0), {4711, 99})); }).join(); };
  ASSERT_TRUE(journal_->sync());
  EXPECT_EQ(journal_->sequence(), sequence + 1);
  const int before = disk_faults().file_syncs;
  ASSERT_TRUE(journal_->sync());
  EXPECT_EQ(disk_faults().file_syncs, before + 1);
  EXPECT_EQ(journal_->sequence(), sequence + 2);
}

TEST_F(Journals, OpeningSyncsWhatAKilledMinionMayHaveLeftInTheKernel) {
  ASSERT_TRUE(journal_->done(job(0), kNow, "x"));
  const int files = disk_faults().file_syncs;
  const int folders = disk_faults().folder_syncs;
  reopen();
  EXPECT_GT(disk_faults().file_syncs, files);
  EXPECT_GT(disk_faults().folder_syncs, folders);
}

TEST_F(Journals, StartedIsInTheFileAtOnceAndBehindWhatWasAppendedBefore) {
  ASSERT_TRUE(journal_->begun(job(0), kNow, "hash"));
  std::thread([this] { EXPECT_TRUE(journal_->started(job(0), {4711, 99})); }).join();
  const std::string content = file();
  const auto records = records_in(content);
  ASSERT_GE(records.size(), 2U);
  const auto* begun = std::get_if<BegunRecord>(&records[records.size() - 2]);
  const auto* started = std::get_if<StartedRecord>(&records.back());
  ASSERT_TRUE(begun != nullptr && started != nullptr);
  EXPECT_EQ(begun->job_hash, "hash");
  EXPECT_EQ(started->command.pgid, 4711);
}

// ---- bounds ----------------------------------------------------------------------------------------------------------------

TEST_F(Journals, AFullSpoolRefusesJobsByNameAndNeverAnOutcome) {
  max_bytes_ = 4'000;
  reopen();
  ASSERT_TRUE(journal_->begun(job(0), kNow, ""));
  ASSERT_TRUE(journal_->done(job(0), kNow, std::string(5'000, 'x')));
  const auto refused = journal_->begun(job(1), kNow, "");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kFull);
  EXPECT_THAT(refused.error().message, HasSubstr("spool"));
  EXPECT_EQ(journal_->find(job(1)), nullptr);
  EXPECT_TRUE(journal_->done(job(2), kNow, std::string(5'000, 'x')));
  reopen();
  EXPECT_EQ(journal_->begun(job(1), kNow, "").error().code, Code::kFull);
  ASSERT_TRUE(journal_->acked(job(0)));
  ASSERT_TRUE(journal_->acked(job(2)));
  EXPECT_TRUE(journal_->begun(job(1), kNow, ""));
}

TEST_F(Journals, RecordsOfJobsCountAgainstTheBoundToo) {
  max_bytes_ = 4'000;
  reopen();
  int begun = 0;
  while (journal_->begun(job(begun), kNow, std::string(32, 'h'))) ++begun;
  EXPECT_EQ(begun, 4'000 / static_cast<int>(size_of(BegunRecord{0, 0, std::string(32, 'h')})));
}

TEST_F(Journals, ADayOfAcknowledgedJobsCostsFewBytesOfMemory) {
  constexpr int kJobs = 100'000;
  journal_.reset();
  std::string bytes;
  append_record(bytes, HeaderRecord{});
  for (int i = 0; i < kJobs; ++i) {
    append_record(bytes, DoneRecord{*pack(job(i)), kNow, "pong"});
    append_record(bytes, AckedRecord{*pack(job(i)), kNow});
  }
  write(bytes);
  const auto allocated = [] {
    return __sanitizer_get_current_allocated_bytes != nullptr ? __sanitizer_get_current_allocated_bytes() : ::mallinfo2().uordblks;
  };
  const std::size_t before = allocated();
  reopen();
  EXPECT_LT(allocated() - before, std::size_t{kJobs} * 40);
  EXPECT_EQ(seen(*journal_, job(kJobs / 2))->state, JobState::kAcked);
}

// ---- several threads -------------------------------------------------------------------------------------------------------

TEST_F(Journals, TakesCommandsFromSeveralThreadsWhileTheLoopAppendsSyncsAndCompacts) {
  constexpr int kThreads = 4;
  constexpr int kCommands = 200;
  for (int i = 0; i < kThreads; ++i) ASSERT_TRUE(journal_->begun(job(i), kNow, ""));
  std::atomic<int> running{kThreads};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      for (int n = 0; n < kCommands; ++n) EXPECT_TRUE(journal_->started(job(i), {n + 2, static_cast<std::uint64_t>(i)}));
      --running;
    });
  }
  int number = kThreads;
  int compactions = 0;
  while (running > 0 || compactions == 0) {
    run_to_the_end(number++, 300'000);
    ASSERT_TRUE(journal_->sync());
    EXPECT_EQ(journal_->unfinished().size(), static_cast<std::size_t>(kThreads));
    const std::size_t before = file_size();
    ASSERT_TRUE(journal_->compact(kNow));
    if (file_size() < before) ++compactions;
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<std::pair<int, std::uint64_t>> expected;
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < kThreads; ++i) {
      expected.clear();
      for (int n = 0; n < kCommands; ++n) expected.emplace_back(n + 2, static_cast<std::uint64_t>(i));
      EXPECT_EQ(seen(*journal_, job(i))->commands, expected);
    }
    reopen();
  }
}

}  // namespace
}  // namespace brine::minion
