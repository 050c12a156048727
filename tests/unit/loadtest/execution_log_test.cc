#include "loadtest/execution_log.h"

#include <gtest/gtest.h>

#include "tests/unit/base/temporary_folder.h"

namespace brine::loadtest {
namespace {

JobId job(int number) { return job_id_at(1'700'000'000'000'000 + number); }
MinionId minion(int number) { return MinionId::trusted("sim" + std::to_string(number)); }

TEST(ExecutionLog, WritesALineForEachExecution) {
  TemporaryFolder folder;
  ExecutionLog log;
  ASSERT_TRUE(log.open(folder.path()));
  log.add(job(1), minion(1), true);
  log.add(job(2), minion(3), false);
  ASSERT_TRUE(log.flush());
  EXPECT_EQ(read_file(folder / "executions.log").value(), job(1).str() + " sim1\n" + job(2).str() + " sim3\n");
}

TEST(ExecutionLog, TellsOfMinionsThatWentWithAReturn) {
  TemporaryFolder folder;
  ExecutionLog log;
  ASSERT_TRUE(log.open(folder.path()));
  log.add(job(1), minion(1), true);
  log.gone(job(1), minion(1));
  ASSERT_TRUE(log.flush());
  EXPECT_EQ(read_file(folder / "executions.log").value(), job(1).str() + " sim1\n" + job(1).str() + " sim1 gone\n");
  EXPECT_EQ(log.repeated(), 0U);
}

TEST(ExecutionLog, AppendsToWhatOthersWrote) {
  TemporaryFolder folder;
  for (int i = 0; i < 2; ++i) {
    ExecutionLog log;
    ASSERT_TRUE(log.open(folder.path()));
    log.add(job(i), minion(0), true);
    ASSERT_TRUE(log.flush());
  }
  EXPECT_EQ(read_file(folder / "executions.log").value(), job(0).str() + " sim0\n" + job(1).str() + " sim0\n");
}

TEST(ExecutionLog, CountsWhatRanTwiceApartByWhetherItMay) {
  ExecutionLog log;
  ASSERT_TRUE(log.open(""));
  for (int number = 0; number < 1'000; ++number) {
    log.add(job(number / 10), minion(number % 10), false);
    log.add(job(number / 10 + 5'000), minion(number % 10), true);
  }
  EXPECT_EQ(log.doubled(), 0U);
  EXPECT_EQ(log.repeated(), 0U);
  log.add(job(3), minion(7), false);
  log.add(job(3), minion(7), false);
  log.add(job(5'003), minion(7), true);
  EXPECT_EQ(log.doubled(), 2U);
  EXPECT_EQ(log.repeated(), 1U);
}

TEST(ExecutionLog, AFolderThatIsNotThereIsAClearError) {
  ExecutionLog log;
  EXPECT_NE(log.open("/nowhere/at/all").error().message.find("/nowhere/at/all/executions.log"), std::string::npos);
}

}  // namespace
}  // namespace brine::loadtest
