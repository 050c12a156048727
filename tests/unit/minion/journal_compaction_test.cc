#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <limits>

#include "tests/unit/minion/disk_faults.h"
#include "tests/unit/minion/journal_fixture.h"

namespace brine::minion {
namespace {

class Compaction : public Journals {
 protected:
  void make_garbage() {
    ASSERT_TRUE(journal_->set_birth(kNow));
    ASSERT_TRUE(journal_->begun(job(0), kNow, "hash"));
    ASSERT_TRUE(journal_->started(job(0), {4711, 99}));
    ASSERT_TRUE(journal_->done(job(1), kNow, "waits"));
    run_to_the_end(2, 3U << 20);
    ASSERT_TRUE(journal_->sync());
  }
};

TEST_F(Compaction, KeepsEverythingThatMattersInAFractionOfTheBytes) {
  make_garbage();
  const Contents before = contents(*journal_, 3);
  const auto epoch = journal_->epoch();
  ASSERT_TRUE(journal_->begun(job(5), kNow, "")) << "not synced, but then part of the new file";
  const auto sequence = journal_->sequence() + 1;
  ASSERT_TRUE(journal_->compact(kNow));
  EXPECT_LT(file_size(), 1'000U);
  EXPECT_FALSE(exists(path() + ".new"));
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(contents(*journal_, 3), before);
    EXPECT_EQ(journal_->epoch(), epoch);
    EXPECT_EQ(journal_->birth(), kNow);
    EXPECT_EQ(journal_->sequence(), sequence);
    reopen();
  }
  ASSERT_TRUE(journal_->begun(job(3), kNow, ""));
  ASSERT_TRUE(journal_->sync());
  EXPECT_EQ(journal_->sequence(), sequence + 1);
  const std::string content = file();
  bool has_hash = false;
  for (const JournalRecord& record : records_in(content)) {
    if (const auto* begun = std::get_if<BegunRecord>(&record)) has_hash = has_hash || begun->job_hash == "hash";
  }
  EXPECT_TRUE(has_hash);
}

TEST_F(Compaction, IsNotDoneForLittle) {
  run_to_the_end(0, 900'000);
  const std::size_t little = file_size();
  ASSERT_TRUE(journal_->compact(kNow));
  EXPECT_EQ(file_size(), little) << "less than 1 MiB";
  ASSERT_TRUE(journal_->done(job(1), kNow, std::string(3U << 20, 'x')));
  run_to_the_end(2, 900'000);
  const std::size_t less_than_half = file_size();
  ASSERT_TRUE(journal_->compact(kNow));
  EXPECT_EQ(file_size(), less_than_half);
}

TEST_F(Compaction, LeavesTheJournalLockedAndWritable) {
  make_garbage();
  ASSERT_TRUE(journal_->compact(kNow));
  EXPECT_FALSE(open_file_journal(options()));
  ASSERT_TRUE(journal_->begun(job(5), kNow, ""));
  reopen();
  EXPECT_NE(journal_->find(job(5)), nullptr);
}

TEST_F(Compaction, WritesOutcomesThatTheDiskDidNotTakeBefore) {
  make_garbage();
  {
    const FileSizeLimit full(file_size());
    EXPECT_FALSE(journal_->done(job(0), kNow, "outcome"));
  }
  ASSERT_TRUE(journal_->compact(kNow));
  const std::size_t size = file_size();
  ASSERT_TRUE(journal_->sync());
  EXPECT_EQ(file_size(), size) << "once is enough";
  reopen();
  EXPECT_EQ(seen(*journal_, job(0))->outcome, "outcome");
}

TEST_F(Compaction, WithoutRoomForTheNewFileLeavesTheOldOneInUse) {
  make_garbage();
  const Contents before = contents(*journal_, 3);
  const std::size_t size = file_size();
  {
    const FileSizeLimit full(50);
    EXPECT_FALSE(journal_->compact(kNow));
  }
  EXPECT_EQ(file_size(), size);
  EXPECT_FALSE(exists(path() + ".new")) << "it would take away the room";
  disk_faults().fail_file_syncs = 1;
  EXPECT_FALSE(journal_->compact(kNow));
  EXPECT_EQ(file_size(), size);
  ASSERT_TRUE(journal_->begun(job(3), kNow, ""));
  ASSERT_TRUE(journal_->compact(kNow));
  EXPECT_LT(file_size(), size);
  reopen();
  EXPECT_EQ(contents(*journal_, 3), before);
  EXPECT_NE(journal_->find(job(3)), nullptr);
}

TEST_F(Compaction, ThatMayNotSurviveAPowerCutEndsTheJournalUntilItIsReopened) {
  make_garbage();
  disk_faults().fail_folder_syncs = 1;
  EXPECT_FALSE(journal_->compact(kNow));
  EXPECT_FALSE(journal_->begun(job(3), kNow, "")) << "the old file could come back without it";
  reopen();
  EXPECT_EQ(contents(*journal_, 4).size(), 3U);
  EXPECT_TRUE(journal_->begun(job(3), kNow, ""));
}

TEST_F(Compaction, ForgetsAnAcknowledgedJobAnHourAfterItCouldLastHaveBegun) {
  ASSERT_TRUE(journal_->begun(job(0), kNow, ""));
  ASSERT_TRUE(journal_->done(job(1), kNow, "waits"));
  run_to_the_end(2, 1, kNow);
  ASSERT_TRUE(journal_->compact(0));
  ASSERT_TRUE(journal_->compact(kNow + kHour));
  EXPECT_NE(journal_->find(job(2)), nullptr);
  ASSERT_TRUE(journal_->compact(kNow + kHour + 1));
  EXPECT_EQ(journal_->find(job(2)), nullptr);
  EXPECT_EQ(contents(*journal_, 3).size(), 2U) << "only what was acknowledged";
}

TEST_F(Compaction, AForgottenJidThatBeginsAnewIsRememberedAsBegun) {
  run_to_the_end(0, 1, kNow);
  ASSERT_TRUE(journal_->compact(kNow + kHour + 1));
  ASSERT_TRUE(journal_->begun(job(0), kNow + 2 * kHour, ""));
  reopen();
  EXPECT_EQ(seen(*journal_, job(0))->state, JobState::kBegun);
  EXPECT_EQ(seen(*journal_, job(0))->not_after, kNow + 2 * kHour);
  ASSERT_TRUE(journal_->done(job(0), kNow + 2 * kHour, "again"));
  ASSERT_TRUE(journal_->acked(job(0)));
  EXPECT_EQ(seen(*journal_, job(0))->not_after, kNow + 2 * kHour) << "or it would be forgotten too early";
}

TEST_F(Compaction, StandsTheLargestAndSmallestTimes) {
  using Limits = std::numeric_limits<UnixMicros>;
  run_to_the_end(0, 1, Limits::max());
  run_to_the_end(1, 1, Limits::min());
  ASSERT_TRUE(journal_->compact(Limits::min()));
  ASSERT_TRUE(journal_->compact(Limits::max()));
  EXPECT_NE(journal_->find(job(0)), nullptr);
  EXPECT_EQ(journal_->find(job(1)), nullptr);
}

#ifdef BRINE_CRASH_POINTS
// Runs in a program of its own, as the crash points read the environment once.
TEST(CompactionChild, DISABLED_CompactsTheJournalThatTheEnvironmentNames) {
  auto journal = open_file_journal({std::getenv("BRINE_TEST_JOURNAL"), 256U << 20, "a boot"});
  ASSERT_TRUE(journal);
  EXPECT_TRUE((*journal)->compact(kNow));
}

class CompactionCrash : public Compaction, public testing::WithParamInterface<const char*> {};

TEST_P(CompactionCrash, LosesNothing) {
  make_garbage();
  const Contents before = contents(*journal_, 3);
  const auto epoch = journal_->epoch();
  const auto sequence = journal_->sequence();
  journal_.reset();
  const std::string log = folder_ + "/crash.log";
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::setenv("BRINE_TEST_JOURNAL", path().c_str(), 1);
    ::setenv("BRINE_CRASH_AT", GetParam(), 1);
    ::setenv("BRINE_CRASH_LOG", log.c_str(), 1);
    ::execl("/proc/self/exe", "journal", "--gtest_also_run_disabled_tests", "--gtest_filter=CompactionChild.*", "--gtest_brief=1", nullptr);
    ::_exit(1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
  EXPECT_THAT(read_file(log).value_or(""), testing::HasSubstr(GetParam())) << "the point fired";
  reopen();
  EXPECT_EQ(contents(*journal_, 3), before);
  EXPECT_EQ(journal_->epoch(), epoch);
  EXPECT_EQ(journal_->sequence(), sequence);
  EXPECT_EQ(journal_->put_aside(), "");
  EXPECT_FALSE(exists(path() + ".new"));
  ASSERT_TRUE(journal_->compact(kNow));
  EXPECT_LT(file_size(), 1'000U);
}

INSTANTIATE_TEST_SUITE_P(Points, CompactionCrash, testing::Values("minion.compact_before_rename", "minion.compact_after_rename"),
                         [](const auto& point) { return std::string(point.param).substr(std::string_view("minion.").size()); });
#endif

}  // namespace
}  // namespace brine::minion
