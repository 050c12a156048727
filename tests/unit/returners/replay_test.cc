#include "returners/replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/engine/fakes.h"

namespace brine::returners {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class ReplayTest : public testing::Test {
 protected:
  // A job of that number with these minions, each of which has returned.
  void run_job(int number, std::initializer_list<std::string_view> minions) {
    store::Batch batch;
    store::JobRecord job = *engine::job_for(number, minions);
    job.function = "fun" + std::to_string(number);
    job.issued = number;
    batch.jobs.push_back(job);
    for (const std::string_view minion : minions) batch.returns.push_back(engine::return_of(job.jid, minion));
    ASSERT_TRUE(store.commit(batch).has_value());
  }

  // "number/minion" of all that an order brings, in portions.
  std::vector<std::string> replayed(std::string order, std::size_t portion) {
    std::vector<std::string> all;
    while (!order.empty()) {
      const auto page = replay_page(store, order, portion);
      EXPECT_TRUE(page.has_value());
      if (!page) break;
      EXPECT_LE(page->entries.size(), portion);
      for (const store::OutboxEntry& entry : page->entries) all.push_back(entry.function + "/" + entry.value.minion.str());
      order = page->rest;
    }
    return all;
  }

  engine::MemoryStore store;
};

TEST_F(ReplayTest, BringsEveryReturnSinceTheTimeNewestJobFirst) {
  run_job(1, {"a"});
  run_job(2, {"a", "b"});
  run_job(3, {"c"});
  EXPECT_THAT(replayed(replay_order(2, 99), 100), ElementsAre("fun3/c", "fun2/a", "fun2/b"));
}

TEST_F(ReplayTest, PortionsTogetherBringTheSameWhateverTheirSize) {
  run_job(1, {"a", "b", "c"});
  run_job(2, {"a", "b", "c", "d"});
  run_job(3, {"a"});
  const auto at_once = replayed(replay_order(0, 99), 100);
  EXPECT_EQ(at_once.size(), 8u);
  for (const std::size_t portion : {1u, 2u, 3u, 4u, 7u, 8u}) EXPECT_EQ(replayed(replay_order(0, 99), portion), at_once) << portion;
}

TEST_F(ReplayTest, WithoutJobsSinceThenItIsOverAtOnce) {
  run_job(1, {"a"});
  EXPECT_THAT(replayed(replay_order(2, 99), 10), IsEmpty());
}

TEST_F(ReplayTest, AnOrderIsToldFromOthersByItsTimeUntilItsEnd) {
  run_job(1, {"a", "b"});
  const std::string order = replay_order(0, 42);
  EXPECT_EQ(replay_id(order), 42);
  const auto page = replay_page(store, order, 1);
  ASSERT_TRUE(page.has_value());
  EXPECT_EQ(replay_id(page->rest), 42);
}

TEST_F(ReplayTest, WhatIsNoOrderIsRefused) {
  for (const std::string wrong : {"", "x", "[]", R"({"since":1})", R"({"id":"1","since":1,"job":"","fun":"","after":""})"}) {
    const auto page = replay_page(store, wrong, 1);
    ASSERT_FALSE(page.has_value()) << wrong;
    EXPECT_EQ(page.error().code, Code::kInvalid);
    EXPECT_EQ(replay_id(wrong), 0);
  }
}

}  // namespace
}  // namespace brine::returners
