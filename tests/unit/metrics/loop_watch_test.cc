#include "metrics/loop_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "tests/unit/engine/fake_clock.h"

namespace brine::metrics {
namespace {

using testing::HasSubstr;

class LoopWatchTest : public testing::Test {
 protected:
  LoopWatchTest() {
    watch.add_loop("face-0", [this](std::function<void()> task) { tasks.push_back(std::move(task)); });
    watch.add_thread("ledger", [this] { return turns; });
    watch.declare(registry, "brine");
  }
  void run_tasks() {
    for (; !tasks.empty(); tasks.pop_front()) tasks.front()();
  }

  FakeClock clock;
  std::deque<std::function<void()>> tasks;
  std::uint64_t turns = 0;
  Registry registry;
  LoopWatch watch{clock, seconds(30)};
};

TEST_F(LoopWatchTest, TheWaitOfATaskIsOneSampleOfTheLag) {
  watch.look();
  ASSERT_EQ(tasks.size(), 1U);
  clock.advance(milliseconds(50));
  run_tasks();
  const std::string text = registry.text();
  EXPECT_THAT(text, HasSubstr("brine_loop_lag_seconds_count{loop=\"face-0\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("brine_loop_lag_seconds_sum{loop=\"face-0\"} 0.05\n"));
  EXPECT_THAT(text, HasSubstr("brine_loop_lag_seconds_bucket{loop=\"face-0\",le=\"0.025\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("brine_loop_lag_seconds_bucket{loop=\"face-0\",le=\"0.1\"} 1\n"));
}

TEST_F(LoopWatchTest, ALoopThatHoldsATaskIsGivenNoSecondOne) {
  watch.look();
  watch.look();
  EXPECT_EQ(tasks.size(), 1U);
  run_tasks();
  watch.look();
  EXPECT_EQ(tasks.size(), 1U);
}

TEST_F(LoopWatchTest, AStalledLoopIsNamedAndItsTimeShown) {
  watch.look();
  for (int i = 0; i < 31; ++i) {
    EXPECT_TRUE(watch.healthy());
    clock.advance(seconds(1));
    ++turns;
    watch.look();
  }
  ASSERT_FALSE(watch.healthy());
  EXPECT_EQ(watch.healthy().error().message, "thread face-0 has not moved for 31 s");
  EXPECT_THAT(registry.text(), HasSubstr("brine_loop_stalled_seconds{loop=\"face-0\"} 31\n"));
  run_tasks();
  EXPECT_TRUE(watch.healthy());
  EXPECT_THAT(registry.text(), HasSubstr("brine_loop_stalled_seconds{loop=\"face-0\"} 0\n"));
}

TEST_F(LoopWatchTest, AThreadWithoutTasksIsWatchedByItsTurns) {
  for (int i = 0; i < 31; ++i) {
    watch.look();
    run_tasks();
    clock.advance(seconds(1));
  }
  watch.look();
  run_tasks();
  ASSERT_FALSE(watch.healthy());
  EXPECT_THAT(watch.healthy().error().message, HasSubstr("ledger"));
  ++turns;
  watch.look();
  EXPECT_TRUE(watch.healthy());
}

TEST_F(LoopWatchTest, TheOneWhoLooksIsWatchedFromItsFirstLookOn) {
  clock.advance(seconds(3'600));
  EXPECT_TRUE(watch.healthy());
  ++turns;
  watch.look();
  run_tasks();
  clock.advance(seconds(31));
  ASSERT_FALSE(watch.healthy());
  EXPECT_EQ(watch.healthy().error().message, "thread main has not moved for 31 s");
}

TEST_F(LoopWatchTest, ATaskMayComeBackAfterTheWatchHasGone) {
  std::deque<std::function<void()>> late;
  {
    LoopWatch short_lived(clock, seconds(30));
    short_lived.add_loop("engine", [&late](std::function<void()> task) { late.push_back(std::move(task)); });
    short_lived.look();
  }
  ASSERT_EQ(late.size(), 1U);
  late.front()();
}

}  // namespace
}  // namespace brine::metrics
