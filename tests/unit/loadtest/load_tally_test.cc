#include "loadtest/load_tally.h"

#include <gtest/gtest.h>

#include "tests/unit/base/temporary_folder.h"

namespace brine::loadtest {
namespace {

constexpr MonoTime kStart = MonoTime(std::chrono::hours(1));

TEST(LoadTally, LatencyCountsFromTheIntendedTimeAndOnlyOfJobsThatFinished) {
  LoadTally tally;
  ASSERT_TRUE(tally.open(""));
  tally.ended({.intended = kStart, .expected = 1, .returned = 1}, LoadEnd::kFinished, "", kStart + microseconds(50));
  tally.ended({.intended = kStart}, LoadEnd::kBusy, "busy", kStart + milliseconds(900));
  const Json second = tally.take_second();
  EXPECT_EQ(second["latency_us"]["max"], 50);
  EXPECT_EQ(second["finished"], 1);
  EXPECT_EQ(second["complete"], 1);
  EXPECT_EQ(second["busy"], 1);
}

TEST(LoadTally, EachSecondBeginsAnewAndTheTotalKeepsAll) {
  LoadTally tally;
  ASSERT_TRUE(tally.open(""));
  for (int second = 0; second < 3; ++second) {
    tally.sent();
    tally.accepted();
    tally.returned("returned", true);
    tally.returned("refused", false);
    tally.ended({.intended = kStart, .expected = 3, .returned = 2, .missing = 1}, LoadEnd::kFinished, "", kStart + seconds(second));
    const Json line = tally.take_second();
    EXPECT_EQ(line["returns"], 2);
    EXPECT_EQ(line["complete"], 0);
  }
  const Json totals = tally.totals();
  EXPECT_EQ(totals["sent"], 3);
  EXPECT_EQ(totals["returns"], 6);
  EXPECT_EQ(totals["missing"], 3);
  EXPECT_EQ(totals["states"]["refused"], 3);
  EXPECT_EQ(totals["unsuccessful"], 3);
  EXPECT_EQ(totals["latency_us"]["max"], 2'000'000);
}

TEST(LoadTally, WritesALineForEachJobHoweverItEnded) {
  TemporaryFolder folder;
  LoadTally tally;
  ASSERT_TRUE(tally.open(folder / "jobs"));
  tally.ended({.intended = kStart, .jid = "20260101000000000000", .expected = 3, .returned = 2, .missing = 1}, LoadEnd::kFinished, "",
              kStart);
  tally.ended({.intended = kStart}, LoadEnd::kFailed, "no match", kStart);
  ASSERT_TRUE(tally.flush());
  EXPECT_EQ(read_file(folder / "jobs").value(), "20260101000000000000 3 2 1 finished\n- 0 0 0 failed\n");
  EXPECT_EQ(tally.totals()["reasons"]["no match"], 1);
}

TEST(LoadTally, ReasonsThatDifferInANumberAreOne) {
  LoadTally tally;
  ASSERT_TRUE(tally.open(""));
  for (const char* why : {"busy: 2057 jobs are open", "busy: 9 jobs are open", "busy"}) tally.ended({}, LoadEnd::kBusy, why, kStart);
  EXPECT_EQ(tally.totals()["reasons"].dump(), R"({"busy":1,"busy: # jobs are open":2})");
}

}  // namespace
}  // namespace brine::loadtest
