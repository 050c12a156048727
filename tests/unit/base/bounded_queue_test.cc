#include "base/bounded_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>

namespace brine {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr milliseconds kLong{60'000};

TEST(BoundedQueue, ItemsComeOutInOrderAndInBatches) {
  BoundedQueue<int> queue(10);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(queue.try_push(int{i}));
  EXPECT_THAT(queue.pop_batch(3, kLong), ElementsAre(0, 1, 2));
  EXPECT_THAT(queue.pop_batch(3, kLong), ElementsAre(3, 4));
}

TEST(BoundedQueue, FullQueueRefusesAndLeavesTheItem) {
  BoundedQueue<std::string> queue(1);
  ASSERT_TRUE(queue.try_push("a"));
  std::string item = "kept by the producer";
  EXPECT_FALSE(queue.try_push(std::move(item)));
  EXPECT_EQ(item, "kept by the producer");  // NOLINT(bugprone-use-after-move): that is the promise
  queue.pop_batch(1, kLong);
  EXPECT_TRUE(queue.try_push(std::move(item)));
}

TEST(BoundedQueue, EmptyQueueGivesNothingAfterTheTimeout) {
  BoundedQueue<int> queue(1);
  EXPECT_THAT(queue.pop_batch(1, milliseconds(1)), IsEmpty());
}

TEST(BoundedQueue, ClosedQueueRefusesButGivesWhatItHolds) {
  BoundedQueue<int> queue(4);
  queue.try_push(7);
  queue.close();
  EXPECT_TRUE(queue.closed());
  EXPECT_FALSE(queue.try_push(8));
  EXPECT_THAT(queue.pop_batch(9, kLong), ElementsAre(7));
  EXPECT_THAT(queue.pop_batch(9, kLong), IsEmpty());
}

TEST(BoundedQueue, CloseWakesTheConsumer) {
  BoundedQueue<int> queue(1);
  std::jthread consumer([&] { EXPECT_THAT(queue.pop_batch(1, kLong), IsEmpty()); });
  queue.close();
}

TEST(BoundedQueue, NothingIsLostBetweenThreads) {
  constexpr int kItems = 2'000;
  BoundedQueue<int> queue(16);
  std::jthread producer([&] {
    for (int i = 0; i < kItems; ++i) {
      while (!queue.try_push(int{i})) std::this_thread::yield();
    }
    queue.close();
  });
  int next = 0;
  for (auto batch = queue.pop_batch(8, kLong); !batch.empty(); batch = queue.pop_batch(8, kLong)) {
    for (const int item : batch) EXPECT_EQ(item, next++);
  }
  EXPECT_EQ(next, kItems);
}

TEST(BoundedQueue, ItemsThatOnlyMoveAreTaken) {
  BoundedQueue<std::unique_ptr<int>> queue(1);
  ASSERT_TRUE(queue.try_push(std::make_unique<int>(5)));
  EXPECT_EQ(*queue.pop_batch(1, kLong).front(), 5);
}

}  // namespace
}  // namespace brine
