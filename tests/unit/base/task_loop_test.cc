#include "base/task_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <future>
#include <string>
#include <vector>

namespace brine {
namespace {

constexpr milliseconds kNever{3'600'000};

TEST(TaskLoop, TasksRunInOrderOnOneThread) {
  TaskLoop loop("order", 1'000);
  std::vector<int> seen;
  bool always_on_loop = true;
  loop.start(kNever, [] {});
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(loop.try_post([&, i] {
      seen.push_back(i);
      always_on_loop = always_on_loop && loop.on_this_thread();
    }));
  }
  EXPECT_FALSE(loop.on_this_thread());
  loop.stop();
  ASSERT_EQ(seen.size(), 100U);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(seen[static_cast<std::size_t>(i)], i);
  EXPECT_TRUE(always_on_loop);
}

TEST(TaskLoop, FullQueueRefusesTryPostAndTakesPost) {
  TaskLoop loop("full", 2);
  EXPECT_TRUE(loop.try_post([] {}));
  EXPECT_TRUE(loop.try_post([] {}));
  EXPECT_FALSE(loop.try_post([] {}));
  loop.post([] {});
  EXPECT_EQ(loop.depth(), 3U);
}

TEST(TaskLoop, StopRunsWhatIsQueuedAndDropsWhatComesLater) {
  TaskLoop loop("stop", 10);
  int ran = 0;
  loop.post([&] { ++ran; });
  loop.post([&] { ++ran; });
  loop.start(kNever, [] {});
  loop.stop();
  EXPECT_EQ(ran, 2);
  loop.post([&] { ++ran; });
  EXPECT_FALSE(loop.try_post([] {}));
  loop.stop();
  EXPECT_EQ(ran, 2);
}

TEST(TaskLoop, TasksMayPostTasks) {
  std::promise<void> done;
  TaskLoop loop("nested", 10);
  loop.start(kNever, [] {});
  loop.post([&] { loop.post([&] { done.set_value(); }); });
  done.get_future().wait();
}

TEST(TaskLoop, TickComesWithoutTasks) {
  std::promise<void> ticked;
  int ticks = 0;
  TaskLoop loop("tick", 10);
  loop.start(milliseconds(1), [&] {
    if (++ticks == 3) ticked.set_value();
  });
  ticked.get_future().wait();
}

TEST(TaskLoop, TickComesWhileTasksNeverCease) {
  std::promise<void> ticked;
  bool over = false;
  TaskLoop loop("busy", 10);
  std::function<void()> again = [&] {
    if (!over) loop.post(again);
  };
  loop.start(milliseconds(1), [&] {
    if (!std::exchange(over, true)) ticked.set_value();
  });
  loop.post(again);
  ticked.get_future().wait();
  loop.stop();
}

TEST(TaskLoop, ThreadHasItsName) {
  std::promise<std::string> name;
  TaskLoop loop("named-loop", 10);
  loop.start(kNever, [] {});
  loop.post([&] {
    char text[16] = {};
    pthread_getname_np(pthread_self(), text, sizeof text);
    name.set_value(text);
  });
  EXPECT_EQ(name.get_future().get(), "named-loop");
}

}  // namespace
}  // namespace brine
