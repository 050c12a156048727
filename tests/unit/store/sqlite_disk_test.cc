// The embedded store on a disk that fails, and under readers that do not stop.
#include <gmock/gmock.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "store/sqlite_store.h"
#include "tests/unit/store/contract.h"
#include "tests/unit/store/failing_disk.h"
#include "tests/unit/store/scratch_folder.h"

namespace brine::store {
namespace {

using File = FailingDisk::File;

class SqliteDisk : public testing::Test {
 protected:
  SqliteDisk() : store_(open()) { value_of(store_->commit(job_batch(1))); }

  std::unique_ptr<StateStore> open() { return value_of(open_sqlite_store(options())); }
  SqliteOptions options() const { return {.folder = folder_.path(), .checkpoint_pages = checkpoint_pages_, .vfs = disk_.name()}; }

  void restart() {
    store_.reset();
    store_ = open();
  }
  static Batch job_batch(int number) {
    Batch batch;
    batch.jobs.push_back(make_job(number, minions({"a", "b"})));
    return batch;
  }
  Code commit_error(const Batch& batch) {
    const auto outcome = store_->commit(batch);
    EXPECT_FALSE(outcome.has_value());
    return outcome ? Code::kInternal : outcome.error().code;
  }
  bool has_job(int number) { return value_of(store_->job(jid_number(number))).has_value(); }

  ScratchFolder folder_;
  FailingDisk disk_;
  std::size_t checkpoint_pages_ = 1000;
  std::unique_ptr<StateStore> store_;
};

TEST_F(SqliteDisk, EveryCommitSyncsTheLog) {
  for (int i = 2; i <= 5; ++i) {
    const int before = disk_.syncs(File::kLog);
    value_of(store_->commit(job_batch(i)));
    EXPECT_GT(disk_.syncs(File::kLog), before);
  }
}

TEST_F(SqliteDisk, AFailedSyncIsNotAcknowledgedAndEverythingIsRefusedUntilReopen) {
  disk_.fail_syncs(File::kLog);
  EXPECT_EQ(commit_error(job_batch(2)), Code::kUnavailable);
  EXPECT_EQ(disk_.failures(), 1);
  disk_.heal();
  EXPECT_EQ(commit_error(job_batch(3)), Code::kUnavailable);
  EXPECT_EQ(store_->keys().error().code, Code::kUnavailable);
  EXPECT_EQ(store_->expire({0, 1, {}, 0, 0}).error().code, Code::kUnavailable);
  ASSERT_TRUE(store_->reopen().has_value());
  EXPECT_TRUE(has_job(1));
  EXPECT_FALSE(has_job(3));
  value_of(store_->commit(job_batch(3)));
  restart();
  EXPECT_TRUE(has_job(3));
}

TEST_F(SqliteDisk, AfterAFailedSyncTheHandleIsNotTriedAgain) {
  const int log = disk_.syncs(File::kLog);
  const int database = disk_.syncs(File::kDatabase);
  disk_.fail_syncs(File::kLog);
  commit_error(job_batch(2));
  commit_error(job_batch(3));
  store_.reset();
  EXPECT_EQ(disk_.syncs(File::kLog), log + 1);
  EXPECT_EQ(disk_.syncs(File::kDatabase), database);
}

TEST_F(SqliteDisk, ReopeningFailsWhileTheDiskFailsAndWorksAfterwards) {
  disk_.fail_syncs(File::kLog);
  disk_.fail_syncs(File::kDatabase);
  commit_error(job_batch(2));
  for (int i = 0; i < 3; ++i) {
    const int failures = disk_.failures();
    const auto reopened = store_->reopen();
    EXPECT_EQ(disk_.failures(), failures + 1);
    ASSERT_FALSE(reopened.has_value());
    EXPECT_EQ(reopened.error().code, Code::kUnavailable);
    EXPECT_EQ(store_->keys().error().code, Code::kUnavailable);
  }
  disk_.heal();
  ASSERT_TRUE(store_->reopen().has_value());
  EXPECT_TRUE(has_job(1));
}

TEST_F(SqliteDisk, AFullDiskLosesTheBatchAndNothingElse) {
  disk_.fail_writes(File::kLog);
  const auto outcome = store_->commit(job_batch(2));
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().code, Code::kUnavailable);
  EXPECT_THAT(outcome.error().message, testing::HasSubstr("full"));
  disk_.heal();
  ASSERT_TRUE(store_->reopen().has_value());
  EXPECT_TRUE(has_job(1));
  EXPECT_FALSE(has_job(2));
  EXPECT_EQ(value_of(store_->feed_end()).counter, 1U);
  EXPECT_EQ(value_of(store_->commit(job_batch(2))).jobs.at(0), JobResult::kPublished);
}

TEST_F(SqliteDisk, AFailureBetweenBatchesDoesNotTakeBackADurableAnswer) {
  checkpoint_pages_ = 1;
  restart();
  disk_.fail_writes(File::kDatabase);
  value_of(store_->commit(job_batch(2)));
  EXPECT_GT(disk_.failures(), 0);
  EXPECT_EQ(commit_error(job_batch(3)), Code::kUnavailable);
  disk_.heal();
  ASSERT_TRUE(store_->reopen().has_value());
  EXPECT_TRUE(has_job(2));
  EXPECT_FALSE(has_job(3));
}

TEST_F(SqliteDisk, OpeningMakesDurableWhatAKilledProcessHadOnlyWritten) {
  store_.reset();
  const int before = disk_.syncs(File::kDatabase);
  ASSERT_GT(std::filesystem::file_size(folder_ / "state.db-wal"), 0U);
  store_ = open();
  EXPECT_GT(disk_.syncs(File::kDatabase), before);
  EXPECT_EQ(std::filesystem::file_size(folder_ / "state.db-wal"), 0U);
  EXPECT_TRUE(has_job(1));
}

TEST_F(SqliteDisk, AnOpeningThatFailsIsAnErrorNotAStore) {
  store_.reset();
  disk_.fail_syncs(File::kDatabase);
  const auto opened = open_sqlite_store(options());
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, Code::kUnavailable);
}

TEST_F(SqliteDisk, TheLogIsCopiedAndUsedAgain) {
  checkpoint_pages_ = 50;
  restart();
  std::uintmax_t largest = 0;
  for (int i = 2; i <= 200; ++i) {
    auto batch = job_batch(i);
    batch.returns.push_back(make_return(i, "a", std::string(20'000, 'x')));
    value_of(store_->commit(batch));
    largest = std::max(largest, std::filesystem::file_size(folder_ / "state.db-wal"));
  }
  EXPECT_LT(largest, 100U * 4200U);
}

// A job and its returns are committed together, so nobody may see the returns without the job, whatever it reads first.
TEST_F(SqliteDisk, AReadingMethodSeesOneState) {
  constexpr int kJobs = 600;
  std::atomic<int> number{2};
  std::thread reader([&] {
    for (int current = number; current < kJobs; current = number) {
      const auto returned = store_->returned_minions(jid_number(current));
      ASSERT_TRUE(returned.has_value()) << returned.error().message;
      EXPECT_TRUE(returned->empty() || returned->size() == 2U);
    }
  });
  for (; number < kJobs; ++number) {
    auto batch = job_batch(number);
    batch.returns = {make_return(number, "a"), make_return(number, "b")};
    value_of(store_->commit(batch));
  }
  reader.join();
}

// Whatever a reader sees of a batch, it sees all of it.
TEST_F(SqliteDisk, ReadersSeeWholeBatchesWhileOthersAreCommitted) {
  checkpoint_pages_ = 20;
  restart();
  std::vector<MinionId> many;
  for (int i = 0; i < 1000; ++i) many.push_back(minion("m" + std::to_string(1000 + i)));
  Batch first;
  first.jobs.push_back(make_job(7, many));
  value_of(store_->commit(first));

  std::atomic<bool> done{false};
  std::atomic<int> reads{0};
  const auto read = [&] {
    while (!done) {
      const auto returned = value_of(store_->returned_minions(jid_number(7))).size();
      const auto usage = value_of(store_->outbox_usage()).entries;
      EXPECT_EQ(returned % 10, 0U);
      EXPECT_EQ(usage % 10, 0U);
      EXPECT_LE(returned, usage);
      ++reads;
    }
  };
  std::thread one(read);
  std::thread two(read);
  while (reads < 2) std::this_thread::yield();
  for (std::size_t i = 0; i < many.size(); i += 10) {
    Batch batch;
    for (std::size_t k = 0; k < 10; ++k) batch.returns.push_back(make_return(7, many[i + k].str()));
    value_of(store_->commit(batch));
  }
  done = true;
  one.join();
  two.join();
  EXPECT_EQ(value_of(store_->returned_minions(jid_number(7))).size(), many.size());
}

}  // namespace
}  // namespace brine::store
