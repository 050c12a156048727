#include "returners/drain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <nlohmann/json.hpp>
#include <set>

#include "base/file.h"
#include "tests/unit/engine/fakes.h"
#include "tests/unit/store/scratch_folder.h"

namespace brine::returners {
namespace {

using engine::eventually;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::uint64_t kNone = ~0ULL;

// What the test and the returner share: the drain owns the returner itself.
struct Sink final {
  mutable std::mutex mutex;
  std::condition_variable moved;
  bool away = false;
  bool held = false;
  bool waiting = false;
  std::uint64_t stuck_at = kNone;   // this one and what follows is not taken
  std::set<std::uint64_t> refused;  // for good
  std::vector<std::uint64_t> positions;
  std::vector<std::string> texts;
  std::vector<std::size_t> batches;

  void set(bool Sink::* member, bool value) {
    {
      std::lock_guard lock(mutex);
      this->*member = value;
    }
    moved.notify_all();
  }
  void set_stuck(std::uint64_t position) {
    std::lock_guard lock(mutex);
    stuck_at = position;
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
  explicit FakeReturner(std::shared_ptr<Sink> backend) : backend_(std::move(backend)) {}
  Delivery deliver(std::span<const Record> records, const std::stop_token&) override {
    std::unique_lock lock(backend_->mutex);
    backend_->waiting = true;
    backend_->moved.wait(lock, [this] { return !backend_->held; });
    backend_->waiting = false;
    if (backend_->away) return Delivery::none({Code::kUnavailable, "away"});
    backend_->batches.push_back(records.size());
    Delivery delivery;
    for (const Record& record : records) {
      if (backend_->stuck_at == record.entry.position) {
        delivery.status = fail(Code::kUnavailable, "stuck");
        break;
      }
      if (backend_->refused.contains(record.entry.position)) {
        delivery.refused.push_back({delivery.settled, "too large"});
      } else {
        backend_->positions.push_back(record.entry.position);
        backend_->texts.push_back(record.json);
      }
      ++delivery.settled;
    }
    return delivery;
  }

 private:
  std::shared_ptr<Sink> backend_;
};

class DrainTest : public testing::Test {
 protected:
  DrainTest() {
    options.keep_position = [this](const std::string& name, std::uint64_t position) {
      std::lock_guard lock(mutex);
      kept.emplace_back(name, position);
      kept_while_delivered.push_back(backend->delivered().size());
      return room.load();
    };
    options.keep_setting = [this](const std::string& name, const std::string& value) {
      store::Batch batch;
      batch.settings[name] = value;
      return store.commit(batch).has_value();
    };
  }
  ~DrainTest() override { backend->set(&Sink::held, false); }

  void fill(int first, int last) {
    store::Batch batch;
    for (int number = first; number <= last; ++number) batch.returns.push_back(engine::return_of(engine::jid_number(number), "web"));
    ASSERT_TRUE(store.commit(batch).has_value());
  }
  void start() {
    drain = std::make_unique<Drain>(std::make_unique<FakeReturner>(backend), store, clock, options);
    ASSERT_TRUE(drain->start().has_value());
  }
  std::vector<std::uint64_t> positions_kept() const {
    std::lock_guard lock(mutex);
    std::vector<std::uint64_t> positions;
    for (const auto& [name, position] : kept) positions.push_back(position);
    return positions;
  }

  engine::MemoryStore store;
  std::shared_ptr<Sink> backend = std::make_shared<Sink>();
  SystemClock clock;
  store::ScratchFolder folder;
  DrainOptions options{.name = "fake",
                       .master = "m",
                       .batch = 2,
                       .retry_least = milliseconds(1),
                       .retry_most = milliseconds(2),
                       .look_every = milliseconds(1),
                       .dead_letters = folder.path() + "/dead.jsonl"};
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
  EXPECT_THAT(backend->delivered(), ElementsAre(1u, 2u, 3u, 4u, 5u));
  EXPECT_THAT(backend->batches, ElementsAre(2u, 2u, 1u));
  EXPECT_THAT(positions_kept(), ElementsAre(2u, 4u, 5u));
  EXPECT_EQ(kept[0].first, "fake");
  EXPECT_EQ(drain->counters().delivered, 5u);
  EXPECT_EQ(drain->counters().position, 5u);
}

TEST_F(DrainTest, PositionIsKeptOnlyAfterTheDelivery) {
  fill(1, 2);
  backend->held = true;
  start();
  ASSERT_TRUE(eventually([&] { return backend->is_waiting(); }));
  EXPECT_THAT(positions_kept(), IsEmpty());
  backend->set(&Sink::held, false);
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
  EXPECT_THAT(backend->delivered(), ElementsAre(4u, 5u));
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
  EXPECT_THAT(backend->delivered(), IsEmpty());
  ours = true;
  drain->wake();
  ASSERT_TRUE(eventually([&] { return positions_kept().size() == 1; }));
  EXPECT_THAT(backend->delivered(), ElementsAre(4u, 5u));
  drain = nullptr;  // its thread asks with what lies on this stack
}

TEST_F(DrainTest, NewEntriesAreDeliveredWhenItIsWoken) {
  start();
  fill(1, 1);
  drain->wake();
  EXPECT_TRUE(eventually([&] { return backend->delivered().size() == 1; }));
  fill(2, 2);
  drain->wake();
  EXPECT_TRUE(eventually([&] { return backend->delivered().size() == 2; }));
}

TEST_F(DrainTest, ReturnerThatIsAwayIsTriedUntilItIsBackAndMissesNothing) {
  backend->away = true;
  fill(1, 3);
  start();
  ASSERT_TRUE(eventually([&] { return drain->counters().failures >= 5; }));
  EXPECT_THAT(positions_kept(), IsEmpty());
  EXPECT_EQ(drain->counters().delivered, 0u);
  backend->set(&Sink::away, false);
  ASSERT_TRUE(eventually([&] { return positions_kept().size() == 2; }));
  EXPECT_THAT(backend->delivered(), ElementsAre(1u, 2u, 3u));
}

TEST_F(DrainTest, NewEntriesDoNotMakeItTryAnAbsentReturnerMoreOften) {
  options.retry_least = options.retry_most = milliseconds(3'600'000);
  backend->away = true;
  fill(1, 1);
  start();
  ASSERT_TRUE(eventually([&] { return drain->counters().failures == 1; }));
  for (int i = 0; i < 2'000; ++i) {
    drain->wake();
    std::this_thread::yield();
  }
  drain->stop(clock.now());
  EXPECT_EQ(drain->counters().failures, 1u);
}

TEST_F(DrainTest, StoreThatIsAwayIsWaitedFor) {
  fill(1, 1);
  store.go_away("gone");
  start();
  drain->wake();
  store.come_back();
  drain->wake();
  EXPECT_TRUE(eventually([&] { return backend->delivered().size() == 1; }));
}

TEST_F(DrainTest, StopEndsAfterTheBatchInHand) {
  fill(1, 10);
  backend->held = true;
  start();
  ASSERT_TRUE(eventually([&] { return backend->is_waiting(); }));
  std::atomic<bool> stopped{false};
  std::jthread stopper([&] {
    drain->stop(clock.now());
    stopped = true;
  });
  EXPECT_FALSE(stopped);
  // The batch in hand ends only now; whether stop() has been asked for before is the scheduler's choice, so a second one may follow.
  backend->set(&Sink::held, false);
  stopper.join();
  EXPECT_TRUE(stopped);
  const auto delivered = backend->delivered();
  EXPECT_GE(delivered.size(), 2u);
  EXPECT_EQ(delivered.size() % 2, 0u);
  EXPECT_EQ(positions_kept().back(), delivered.back());
}

TEST_F(DrainTest, WhatWasLeftAtAStopIsDeliveredByTheNextLife) {
  fill(1, 4);
  backend->away = true;
  start();
  ASSERT_TRUE(eventually([&] { return drain->counters().failures >= 1; }));
  drain->stop(clock.now());
  backend->away = false;
  start();
  ASSERT_TRUE(eventually([&] { return positions_kept().size() == 2; }));
  EXPECT_THAT(backend->delivered(), ElementsAre(1u, 2u, 3u, 4u));
}

TEST_F(DrainTest, StopInterruptsTheWaitForAnAbsentReturner) {
  options.retry_least = options.retry_most = milliseconds(3'600'000);
  backend->away = true;
  fill(1, 1);
  start();
  ASSERT_TRUE(eventually([&] { return drain->counters().failures == 1; }));
  drain->stop(clock.now());  // or the test would end in an hour
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
  EXPECT_THAT(backend->delivered(), ElementsAre(1u, 2u, 3u, 4u));
}

// ---- a part of a batch -------------------------------------------------------------------------------------------------------

TEST_F(DrainTest, OnlyWhatASinkDidNotTakeComesAgain) {
  options.batch = 10;
  fill(1, 5);
  backend->stuck_at = 3;
  start();
  ASSERT_TRUE(eventually([&] { return drain->counters().failures >= 2; }));
  EXPECT_THAT(backend->delivered(), ElementsAre(1u, 2u));
  EXPECT_EQ(positions_kept().front(), 2u);
  EXPECT_THAT(drain->trouble(), HasSubstr("stuck"));
  backend->set_stuck(kNone);
  ASSERT_TRUE(eventually([&] { return positions_kept().back() == 5u; }));
  EXPECT_THAT(backend->delivered(), ElementsAre(1u, 2u, 3u, 4u, 5u));
  EXPECT_EQ(drain->trouble(), "");
}

TEST_F(DrainTest, WhatIsRefusedForGoodLiesInTheFileOfDeadLettersBeforeThePositionMoves) {
  options.batch = 10;
  fill(1, 3);
  backend->refused = {2};
  start();
  ASSERT_TRUE(eventually([&] { return positions_kept().size() == 1; }));
  EXPECT_THAT(backend->delivered(), ElementsAre(1u, 3u));
  EXPECT_EQ(drain->counters().refused, 1u);
  EXPECT_EQ(drain->counters().delivered, 2u);
  const auto line = nlohmann::json::parse(read_file(options.dead_letters).value());
  EXPECT_EQ(line["refused"], "too large");
  EXPECT_EQ(line["returner"], "fake");
  EXPECT_EQ(line["record"]["jid"], engine::jid_number(2).str());
}

TEST_F(DrainTest, WhileDeadLettersCannotBeWrittenNothingIsGivenUp) {
  options.dead_letters = "/proc/no/such/place";
  fill(1, 2);
  backend->refused = {2};
  start();
  ASSERT_TRUE(eventually([&] { return drain->counters().failures >= 2; }));
  EXPECT_THAT(positions_kept(), IsEmpty());
  EXPECT_EQ(drain->counters().refused, 0u);
}

// ---- what a returner gets ----------------------------------------------------------------------------------------------------

TEST_F(DrainTest, WhatTheFilterLeavesOutIsPassedOverAndNotWaitedFor) {
  options.filter = Filter::make({.minions = {"db*"}}, {}).value();
  fill(1, 3);
  start();
  ASSERT_TRUE(eventually([&] { return !positions_kept().empty() && positions_kept().back() == 3u; }));
  EXPECT_THAT(backend->delivered(), IsEmpty());
  EXPECT_EQ(drain->counters().passed_over, 3u);
}

TEST_F(DrainTest, EventsGoOnlyToAReturnerThatIsToHaveThem) {
  store::Batch batch;
  batch.events.push_back({"m:1:1", "brine/key", "{}", 1});
  ASSERT_TRUE(store.commit(batch).has_value());
  start();
  ASSERT_TRUE(eventually([&] { return positions_kept().size() == 1; }));
  EXPECT_THAT(backend->delivered(), IsEmpty());
  drain = nullptr;
  options.name = "other";
  options.events = true;
  start();
  ASSERT_TRUE(eventually([&] { return positions_kept().size() == 2; }));
  ASSERT_EQ(backend->delivered().size(), 1u);
  EXPECT_THAT(backend->texts[0], HasSubstr("brine/key"));
}

// ---- orders of operators -----------------------------------------------------------------------------------------------------

TEST_F(DrainTest, APositionThatWasPutForwardIsFollowedWhileTheSinkIsAway) {
  backend->away = true;
  fill(1, 3);
  start();
  ASSERT_TRUE(eventually([&] { return drain->counters().failures >= 1; }));
  store::Batch skip;
  skip.returner_positions["fake"] = 2;
  ASSERT_TRUE(store.commit(skip).has_value());
  ASSERT_TRUE(eventually([&] { return drain->counters().position == 2u; }));
  backend->set(&Sink::away, false);
  ASSERT_TRUE(eventually([&] { return !positions_kept().empty(); }));
  EXPECT_THAT(backend->delivered(), ElementsAre(3u));
}

TEST_F(DrainTest, AnOrderToReplayBringsThePastOnceMoreAndIsThenGone) {
  store::Batch past;
  past.jobs.push_back(*engine::job_for(1, {"a", "b", "c"}));
  for (const char* minion : {"a", "b", "c"}) past.returns.push_back(engine::return_of(engine::jid_number(1), minion));
  ASSERT_TRUE(store.commit(past).has_value());
  start();
  ASSERT_TRUE(eventually([&] { return drain->counters().delivered == 3u; }));
  ASSERT_TRUE(options.keep_setting(replay_setting("fake"), replay_order(0, 7)));
  ASSERT_TRUE(eventually([&] { return drain->counters().replayed == 3u; }));
  EXPECT_EQ(drain->counters().delivered, 6u);
  ASSERT_TRUE(eventually([&] { return !store.settings().contains(replay_setting("fake")); }));
  EXPECT_EQ(drain->counters().position, 3u);
}

// ---- the end -----------------------------------------------------------------------------------------------------------------

TEST_F(DrainTest, AStopWithTimeDeliversWhatIsThere) {
  options.look_every = milliseconds(3'600'000);
  start();
  fill(1, 9);  // nobody wakes it
  drain->stop(clock.now() + seconds(60));
  EXPECT_EQ(backend->delivered().size(), 9u);
}

}  // namespace
}  // namespace brine::returners
