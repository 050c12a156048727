#include "returners/drain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>

#include "tests/unit/engine/fakes.h"

namespace brine::returners {
namespace {

using engine::eventually;
using testing::ElementsAre;
using testing::IsEmpty;

// What the test and the returner share: the drain owns the returner itself.
struct Delivery {
  mutable std::mutex mutex;
  std::condition_variable moved;
  bool away = false;
  bool held = false;
  bool waiting = false;
  std::vector<std::uint64_t> positions;
  std::vector<std::size_t> batches;

  void set(bool Delivery::* member, bool value) {
    {
      std::lock_guard lock(mutex);
      this->*member = value;
    }
    moved.notify_all();
  }
  bool is_waiting() const {
    std::lock_guard lock(mutex);
    return waiting;
  }
  std::vector<std::uint64_t> delivered() const {
    std::lock_guard lock(mutex);
    return positions;
  }
};

class FakeReturner final : public Returner {
 public:
  explicit FakeReturner(std::shared_ptr<Delivery> delivery) : delivery_(std::move(delivery)) {}
  const std::string& name() const override { return name_; }
  Status deliver(const std::vector<store::OutboxEntry>& entries) override {
    std::unique_lock lock(delivery_->mutex);
    delivery_->waiting = true;
    delivery_->moved.wait(lock, [this] { return !delivery_->held; });
    delivery_->waiting = false;
    if (delivery_->away) return fail(Code::kUnavailable, "away");
    for (const store::OutboxEntry& entry : entries) delivery_->positions.push_back(entry.position);
    delivery_->batches.push_back(entries.size());
    return {};
  }

 private:
  const std::string name_ = "fake";
  std::shared_ptr<Delivery> delivery_;
};

class DrainTest : public testing::Test {
 protected:
  ~DrainTest() override { delivery->set(&Delivery::held, false); }

  void fill(int first, int last) {
    store::Batch batch;
    for (int number = first; number <= last; ++number) batch.returns.push_back(engine::return_of(engine::jid_number(number), "web"));
    ASSERT_TRUE(store.commit(batch).has_value());
  }
  void start() {
    drain = std::make_unique<Drain>(std::make_unique<FakeReturner>(delivery), store, options,
                                    [this](const std::string& name, std::uint64_t position) {
                                      std::lock_guard lock(mutex);
                                      kept.emplace_back(name, position);
                                      kept_while_delivered.push_back(delivery->delivered().size());
                                      return room.load();
                                    });
    ASSERT_TRUE(drain->start().has_value());
  }
  std::vector<std::uint64_t> positions_kept() const {
    std::lock_guard lock(mutex);
    std::vector<std::uint64_t> positions;
    for (const auto& [name, position] : kept) positions.push_back(position);
    return positions;
  }

  engine::MemoryStore store;
  std::shared_ptr<Delivery> delivery = std::make_shared<Delivery>();
  DrainOptions options{.batch = 2, .retry_least = milliseconds(1), .retry_most = milliseconds(2)};
  std::atomic<bool> room{true};
  mutable std::mutex mutex;
  std::vector<std::pair<std::string, std::uint64_t>> kept;
  std::vector<std::size_t> kept_while_delivered;
  std::unique_ptr<Drain> drain;
};

TEST_F(DrainTest, OutboxIsDeliveredInOrderAndBatches) {
  fill(1, 5);
  start();
  ASSERT_TRUE(eventually([&] { return positions_kept().size() == 3; }));
  EXPECT_THAT(delivery->delivered(), ElementsAre(1u, 2u, 3u, 4u, 5u));
  EXPECT_THAT(delivery->batches, ElementsAre(2u, 2u, 1u));
  EXPECT_THAT(positions_kept(), ElementsAre(2u, 4u, 5u));
  EXPECT_EQ(kept[0].first, "fake");
  EXPECT_EQ(drain->counters().delivered, 5u);
  EXPECT_EQ(drain->counters().position, 5u);
}

TEST_F(DrainTest, PositionIsKeptOnlyAfterTheDelivery) {
  fill(1, 2);
  delivery->held = true;
  start();
  ASSERT_TRUE(eventually([&] { return delivery->is_waiting(); }));
  EXPECT_THAT(positions_kept(), IsEmpty());
  delivery->set(&Delivery::held, false);
  ASSERT_TRUE(eventually([&] { return positions_kept().size() == 1; }));
  EXPECT_THAT(kept_while_delivered, ElementsAre(2u));
}

TEST_F(DrainTest, StoredPositionIsShownBeforeAnythingIsDelivered) {
  fill(1, 3);
  store::Batch batch;
  batch.returner_positions["fake"] = 3;
  ASSERT_TRUE(store.commit(batch).has_value());
  start();
  EXPECT_EQ(drain->counters().position, 3u);
}

TEST_F(DrainTest, StoredPositionIsWhereItContinues) {
  fill(1, 5);
  store::Batch batch;
  batch.returner_positions["fake"] = 3;
  ASSERT_TRUE(store.commit(batch).has_value());
  start();
  ASSERT_TRUE(eventually([&] { return positions_kept().size() == 1; }));
  EXPECT_THAT(delivery->delivered(), ElementsAre(4u, 5u));
}

TEST_F(DrainTest, WhoseTurnItIsNotDeliversNothingAndContinuesWhereAnotherHasEnded) {
  fill(1, 5);
  std::atomic<bool> ours{false};
  std::atomic<int> asked{0};
  options.ours = [&] {
    ++asked;
    return ours.load();
  };
  start();
  ASSERT_TRUE(eventually([&] { return asked > 0; }));
  store::Batch batch;  // meanwhile another process delivers
  batch.returner_positions["fake"] = 3;
  ASSERT_TRUE(store.commit(batch).has_value());
  EXPECT_THAT(delivery->delivered(), IsEmpty());
  ours = true;
  drain->wake();
  ASSERT_TRUE(eventually([&] { return positions_kept().size() == 1; }));
  EXPECT_THAT(delivery->delivered(), ElementsAre(4u, 5u));
}

TEST_F(DrainTest, NewEntriesAreDeliveredWhenItIsWoken) {
  start();
  fill(1, 1);
  drain->wake();
  EXPECT_TRUE(eventually([&] { return delivery->delivered().size() == 1; }));
  fill(2, 2);
  drain->wake();
  EXPECT_TRUE(eventually([&] { return delivery->delivered().size() == 2; }));
}

TEST_F(DrainTest, ReturnerThatIsAwayIsTriedUntilItIsBackAndMissesNothing) {
  delivery->away = true;
  fill(1, 3);
  start();
  ASSERT_TRUE(eventually([&] { return drain->counters().failures >= 5; }));
  EXPECT_THAT(positions_kept(), IsEmpty());
  EXPECT_EQ(drain->counters().delivered, 0u);
  delivery->set(&Delivery::away, false);
  ASSERT_TRUE(eventually([&] { return positions_kept().size() == 2; }));
  EXPECT_THAT(delivery->delivered(), ElementsAre(1u, 2u, 3u));
}

TEST_F(DrainTest, NewEntriesDoNotMakeItTryAnAbsentReturnerMoreOften) {
  options.retry_least = options.retry_most = milliseconds(3'600'000);
  delivery->away = true;
  fill(1, 1);
  start();
  ASSERT_TRUE(eventually([&] { return drain->counters().failures == 1; }));
  for (int i = 0; i < 2'000; ++i) {
    drain->wake();
    std::this_thread::yield();
  }
  drain->stop();
  EXPECT_EQ(drain->counters().failures, 1u);
}

TEST_F(DrainTest, StoreThatIsAwayIsWaitedFor) {
  fill(1, 1);
  store.go_away("gone");
  start();
  drain->wake();
  store.come_back();
  drain->wake();
  EXPECT_TRUE(eventually([&] { return delivery->delivered().size() == 1; }));
}

TEST_F(DrainTest, StopEndsAfterTheBatchInHand) {
  fill(1, 10);
  delivery->held = true;
  start();
  ASSERT_TRUE(eventually([&] { return delivery->is_waiting(); }));
  std::atomic<bool> stopped{false};
  std::jthread stopper([&] {
    drain->stop();
    stopped = true;
  });
  EXPECT_FALSE(stopped);
  // The batch in hand ends only now; whether stop() has been asked for before is the scheduler's choice, so a second one may follow.
  delivery->set(&Delivery::held, false);
  stopper.join();
  EXPECT_TRUE(stopped);
  const auto delivered = delivery->delivered();
  EXPECT_GE(delivered.size(), 2u);
  EXPECT_EQ(delivered.size() % 2, 0u);
  EXPECT_EQ(positions_kept().back(), delivered.back());
}

TEST_F(DrainTest, WhatWasLeftAtAStopIsDeliveredByTheNextLife) {
  fill(1, 4);
  delivery->away = true;
  start();
  ASSERT_TRUE(eventually([&] { return drain->counters().failures >= 1; }));
  drain->stop();
  delivery->away = false;
  start();
  ASSERT_TRUE(eventually([&] { return positions_kept().size() == 2; }));
  EXPECT_THAT(delivery->delivered(), ElementsAre(1u, 2u, 3u, 4u));
}

TEST_F(DrainTest, StopInterruptsTheWaitForAnAbsentReturner) {
  options.retry_least = options.retry_most = milliseconds(3'600'000);
  delivery->away = true;
  fill(1, 1);
  start();
  ASSERT_TRUE(eventually([&] { return drain->counters().failures == 1; }));
  drain->stop();  // or the test would end in an hour
  EXPECT_EQ(drain->counters().delivered, 0u);
}

TEST_F(DrainTest, PositionThatCouldNotBeQueuedIsCaughtUpByTheNext) {
  room = false;
  fill(1, 2);
  start();
  ASSERT_TRUE(eventually([&] { return positions_kept().size() == 1; }));
  room = true;
  fill(3, 4);
  drain->wake();
  ASSERT_TRUE(eventually([&] { return positions_kept().size() == 2; }));
  EXPECT_THAT(delivery->delivered(), ElementsAre(1u, 2u, 3u, 4u));
}

}  // namespace
}  // namespace brine::returners
