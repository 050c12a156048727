// The journal on disks that are full, or broken.

#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "tests/unit/minion/disk_faults.h"
#include "tests/unit/minion/journal_fixture.h"

namespace brine::minion {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class FailingDisk : public Journals {};

TEST_F(FailingDisk, AFullDiskRefusesJobsAndKeepsOutcomesUntilThereIsRoom) {
  ASSERT_TRUE(journal_->begun(job(0), kNow, ""));
  const std::size_t before = file_size();
  {
    const FileSizeLimit full(before + 10);
    const auto begun = journal_->begun(job(1), kNow, "hash");
    ASSERT_FALSE(begun);
    EXPECT_EQ(begun.error().code, Code::kUnavailable);
    EXPECT_THAT(begun.error().message, HasSubstr(path()));
    EXPECT_THAT(begun.error().message, HasSubstr("File too large"));
    EXPECT_EQ(file_size(), before) << "no part of the record stays";
    EXPECT_EQ(journal_->find(job(1)), nullptr);
    EXPECT_FALSE(journal_->started(job(0), {4711, 99}));
    EXPECT_THAT(seen(*journal_, job(0))->commands, IsEmpty());
    EXPECT_FALSE(journal_->done(job(0), kNow, "outcome"));
    EXPECT_EQ(seen(*journal_, job(0))->outcome, "outcome");
    EXPECT_TRUE(journal_->sync()) << "what is in the file can be synced";
    EXPECT_EQ(file_size(), before);
  }
  ASSERT_TRUE(journal_->begun(job(1), kNow, "hash"));
  ASSERT_TRUE(journal_->sync());
  reopen();
  EXPECT_EQ(seen(*journal_, job(0))->outcome, "outcome");
  EXPECT_EQ(seen(*journal_, job(1))->state, JobState::kBegun);
  EXPECT_EQ(journal_->put_aside(), "");
}

TEST_F(FailingDisk, AnOutcomeThatTheDiskDidNotTakeMayBeAcknowledgedFirst) {
  ASSERT_TRUE(journal_->begun(job(0), kNow, ""));
  {
    const FileSizeLimit full(file_size());
    EXPECT_FALSE(journal_->done(job(0), kNow, "outcome"));
  }
  ASSERT_TRUE(journal_->acked(job(0)));
  ASSERT_TRUE(journal_->sync());
  reopen();
  EXPECT_EQ(seen(*journal_, job(0))->state, JobState::kAcked);
}

TEST_F(FailingDisk, ARecordThatCannotBeCutOffEndsTheJournalUntilItIsReopened) {
  ASSERT_TRUE(journal_->begun(job(0), kNow, ""));
  {
    const FileSizeLimit full(file_size() + 10);
    disk_faults().fail_truncations = 1;
    EXPECT_FALSE(journal_->begun(job(1), kNow, ""));
  }
  const auto refused = journal_->begun(job(2), kNow, "");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("restart the minion"));
  reopen();
  EXPECT_EQ(contents(*journal_, 3).size(), 1U);
  EXPECT_TRUE(journal_->begun(job(2), kNow, ""));
}

TEST_F(FailingDisk, AFailedSyncEndsTheJournalUntilItIsReopened) {
  ASSERT_TRUE(journal_->begun(job(0), kNow, ""));
  const auto sequence = journal_->sequence();
  disk_faults().fail_file_syncs = 1;
  ASSERT_FALSE(journal_->sync());
  EXPECT_EQ(journal_->sequence(), sequence);
  const auto refused = journal_->begun(job(1), kNow, "");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnavailable);
  EXPECT_THAT(refused.error().message, HasSubstr(path()));
  EXPECT_THAT(refused.error().message, HasSubstr("restarted"));
  EXPECT_EQ(journal_->find(job(1)), nullptr);
  EXPECT_FALSE(journal_->started(job(0), {1, 1}));
  EXPECT_FALSE(journal_->done(job(0), kNow, "outcome"));
  EXPECT_EQ(seen(*journal_, job(0))->outcome, "outcome") << "it can still be sent";
  EXPECT_FALSE(journal_->sync()) << "a second fdatasync that succeeds would prove nothing";
  reopen();
  EXPECT_TRUE(journal_->begun(job(1), kNow, ""));
  EXPECT_TRUE(journal_->sync());
}

TEST_F(FailingDisk, ADiskThatDoesNotSyncAtTheStartIsAnError) {
  journal_.reset();
  disk_faults().fail_file_syncs = 1;
  EXPECT_EQ(open_file_journal(options()).error().code, Code::kUnavailable);
  disk_faults().fail_folder_syncs = 1;
  EXPECT_EQ(open_file_journal(options()).error().code, Code::kUnavailable);
  EXPECT_TRUE(open_file_journal(options()));
}

TEST_F(FailingDisk, AFileSystemWithoutRoomIsSurvived) {
  journal_.reset();
  if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("tmpfs", folder_.c_str(), "tmpfs", 0, "size=64k") != 0)
    GTEST_SKIP() << "may not mount a tmpfs here";
  reopen();
  int begun = 0;
  Status last;
  while ((last = journal_->begun(job(begun), kNow, std::string(64, 'h')))) ++begun;
  EXPECT_THAT(last.error().message, HasSubstr("No space left on device"));
  EXPECT_GT(begun, 0);
  ASSERT_TRUE(succeeded(journal_->sync()));
  reopen();
  EXPECT_EQ(journal_->put_aside(), "");
  EXPECT_EQ(contents(*journal_, begun + 1).size(), static_cast<std::size_t>(begun));
  journal_.reset();
  EXPECT_EQ(::umount2(folder_.c_str(), MNT_DETACH), 0);
}

}  // namespace
}  // namespace brine::minion
