#include "minion/pool.h"

#include <gmock/gmock.h>
#include <pthread.h>

#include <array>
#include <future>
#include <semaphore>

namespace brine::minion {
namespace {

// Tasks that end when the gate opens.
class Gate {
 public:
  Pool::Task task() {
    return [this] {
      begun_.release();
      open_future_.wait();
    };
  }
  void wait_until_begun(int tasks) {
    for (int i = 0; i < tasks; ++i) begun_.acquire();
  }
  void open() { open_.set_value(); }

 private:
  std::counting_semaphore<> begun_{0};
  std::promise<void> open_;
  std::shared_future<void> open_future_ = open_.get_future().share();
};

constexpr milliseconds kLong{60000};

TEST(Pool, HasNoThreadUntilThereIsWork) {
  Pool pool("work", 4, 4);
  EXPECT_EQ(pool.threads(), 0U);
}

TEST(Pool, ReusesAnIdleThread) {
  Pool pool("work", 4, 4);
  for (int i = 0; i < 20; ++i) {
    std::promise<void> ran;
    ASSERT_TRUE(pool.try_run([&] { ran.set_value(); }));
    ran.get_future().wait();
  }
  // A thread that has just set its promise may not be idle yet, so a second one may have been started.
  EXPECT_LE(pool.threads(), 4U);
  EXPECT_TRUE(pool.stop(kLong));
}

TEST(Pool, RunsAsManyAsItHasThreadsAndRefusesWhatExceedsTheQueue) {
  Gate gate;
  Pool pool("work", 2, 3);
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(pool.try_run(gate.task()));
  gate.wait_until_begun(2);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(pool.try_run(gate.task()));
  EXPECT_EQ(pool.waiting(), 3U);
  EXPECT_FALSE(pool.try_run(gate.task()));
  EXPECT_EQ(pool.threads(), 2U);
  gate.open();
  EXPECT_TRUE(pool.stop(kLong));
  EXPECT_EQ(pool.waiting(), 0U);
}

TEST(Pool, NamesItsThreads) {
  Pool pool("job", 1, 1);
  std::promise<std::string> name;
  ASSERT_TRUE(pool.try_run([&] {
    std::array<char, 16> text{};
    pthread_getname_np(pthread_self(), text.data(), text.size());
    name.set_value(text.data());
  }));
  EXPECT_EQ(name.get_future().get(), "job-1");
}

TEST(Pool, FinishesWhatItHasTakenWhenStopped) {
  std::atomic<int> done = 0;
  Pool pool("work", 2, 100);
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(pool.try_run([&] { ++done; }));
  EXPECT_TRUE(pool.stop(kLong));
  EXPECT_EQ(done, 50);
  EXPECT_FALSE(pool.try_run([] {}));
}

TEST(Pool, SaysWhenTasksAreLeftAtTheDeadlineAndDropsWhatWaits) {
  Gate gate;
  std::atomic<bool> ran = false;
  Pool pool("work", 1, 5);
  ASSERT_TRUE(pool.try_run(gate.task()));
  gate.wait_until_begun(1);
  ASSERT_TRUE(pool.try_run([&] { ran = true; }));
  EXPECT_FALSE(pool.stop(milliseconds(1)));
  gate.open();
  EXPECT_TRUE(pool.stop(kLong));
  EXPECT_FALSE(ran);
}

}  // namespace
}  // namespace brine::minion
