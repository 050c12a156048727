#include "engine/job_board.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/engine/fakes.h"

namespace brine::engine {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

using Delivered = FakeGateway::Delivered;

class JobBoardTest : public testing::Test {
 protected:
  JobBoardTest() {
    for (const auto id : {"a", "b", "c"}) roster.add(minion_id(id));
    // What was known long ago: nobody is within the grace of a restart.
    clock.advance(seconds(60));
    clock.set_wall(kStart);
  }

  void connect(std::string_view id, std::uint64_t session, std::uint64_t instance = 1, const std::vector<JobId>& running = {}) {
    Minion& minion = *roster.find(minion_id(id));
    roster.open(minion, {session_number(session), minion_id(id), instance, "", running, "10.0.0.1"});
    board.session_opened(minion_id(id), minion, running);
  }
  void lose(std::uint64_t session) { roster.close(session_number(session), EndReason::kLost); }
  std::shared_ptr<FakeWatcher> watch(int job, milliseconds timeout = milliseconds(5'000), bool with_absent = false) {
    auto watcher = std::make_shared<FakeWatcher>();
    EXPECT_TRUE(board.watch(jid_number(job), watcher, timeout, with_absent));
    board.review(jid_number(job));
    return watcher;
  }
  void pass(microseconds time) {
    clock.advance(time);
    board.review();
  }

  FakeClock clock;
  FakeGateway gateway;
  Roster roster{clock};
  JobBoard board{roster, gateway, clock, {}};
};

TEST_F(JobBoardTest, JobIsSentToThoseOfTheExpectedThatHoldASession) {
  connect("a", 1);
  connect("c", 3);
  board.open(job_for(1, {"a", "b"}), {});
  EXPECT_THAT(gateway.deliveries(), ElementsAre(Delivered{jid_number(1), session_number(1), 0}));
}

TEST_F(JobBoardTest, DeliveryNamesThePlaceAmongTheExpected) {
  connect("c", 3);
  board.open(job_for(1, {"a", "b", "c"}), {});
  EXPECT_THAT(gateway.deliveries(), ElementsAre(Delivered{jid_number(1), session_number(3), 2}));
}

TEST_F(JobBoardTest, OpeningTheSameJobAgainSendsNothing) {
  connect("a", 1);
  board.open(job_for(1, {"a"}), {});
  board.open(job_for(1, {"a"}), {});
  EXPECT_EQ(gateway.deliveries().size(), 1u);
  EXPECT_EQ(board.size(), 1u);
}

TEST_F(JobBoardTest, ThoseThatReturnedAlreadyAreNotSentTheJob) {
  connect("a", 1);
  connect("b", 2);
  board.open(job_for(1, {"a", "b"}), minion_ids({"a"}));
  EXPECT_THAT(gateway.deliveries(), ElementsAre(Delivered{jid_number(1), session_number(2), 1}));
}

TEST_F(JobBoardTest, JobIsSentAgainAtEveryNewSessionUntilItsReturnIsCommitted) {
  board.open(job_for(1, {"a"}), {});
  EXPECT_THAT(gateway.deliveries(), IsEmpty());
  connect("a", 1);
  EXPECT_EQ(gateway.deliveries().size(), 1u);
  lose(1);
  connect("a", 2);
  EXPECT_EQ(gateway.deliveries().size(), 2u);
  EXPECT_EQ(gateway.deliveries().back().session, session_number(2));
  board.returned(return_of(jid_number(1), "a"));
  lose(2);
  connect("a", 3);
  EXPECT_EQ(gateway.deliveries().size(), 2u);
}

TEST_F(JobBoardTest, JobIsClosedWhenAllHaveReturned) {
  board.open(job_for(1, {"a", "b"}), {});
  board.returned(return_of(jid_number(1), "a"));
  EXPECT_NE(board.find(jid_number(1)), nullptr);
  board.returned(return_of(jid_number(1), "b"));
  EXPECT_EQ(board.find(jid_number(1)), nullptr);
  EXPECT_EQ(board.size(), 0u);
}

TEST_F(JobBoardTest, GatewayIsToldWhenAJobIsClosed) {
  connect("a", 1);
  board.open(job_for(1, {"a"}), {});
  EXPECT_THAT(gateway.closed(), IsEmpty());
  board.returned(return_of(jid_number(1), "a"));
  EXPECT_THAT(gateway.closed(), ElementsAre(jid_number(1)));
}

TEST_F(JobBoardTest, SecondReturnOfOneMinionIsToldOnce) {
  connect("a", 1);
  connect("b", 2);
  board.open(job_for(1, {"a", "b"}), {});
  const auto watcher = watch(1);
  board.returned(return_of(jid_number(1), "a"));
  board.returned(return_of(jid_number(1), "a"));
  EXPECT_THAT(watcher->minions_returned(), ElementsAre("a"));
  EXPECT_EQ(watcher->finishes(), 0);
}

TEST_F(JobBoardTest, ReturnOfAStrangerIsNobodysReturn) {
  connect("a", 1);
  board.open(job_for(1, {"a"}), {});
  const auto watcher = watch(1);
  board.returned(return_of(jid_number(1), "c"));
  EXPECT_THAT(watcher->minions_returned(), IsEmpty());
  EXPECT_NE(board.find(jid_number(1)), nullptr);
}

TEST_F(JobBoardTest, WatchEndsWithTheLastReturn) {
  connect("a", 1);
  board.open(job_for(1, {"a"}), {});
  const auto watcher = watch(1);
  EXPECT_EQ(watcher->finishes(), 0);
  board.returned(return_of(jid_number(1), "a"));
  EXPECT_EQ(watcher->finishes(), 1);
  EXPECT_THAT(watcher->missing(), IsEmpty());
}

TEST_F(JobBoardTest, WatchEndsAtOnceWhenAllOthersAreNotConnected) {
  connect("a", 1);
  board.open(job_for(1, {"a", "b", "c"}), {});
  const auto watcher = watch(1);
  EXPECT_EQ(watcher->finishes(), 0);
  board.returned(return_of(jid_number(1), "a"));
  board.review();
  EXPECT_EQ(watcher->finishes(), 1);
  EXPECT_THAT(watcher->missing(), UnorderedElementsAre(Pair("b", Missing::kNotConnected), Pair("c", Missing::kNotConnected)));
}

TEST_F(JobBoardTest, WatchOfNobodyConnectedEndsAtItsFirstReview) {
  board.open(job_for(1, {"a"}), {});
  EXPECT_EQ(watch(1)->finishes(), 1);
}

TEST_F(JobBoardTest, SilentMinionIsWaitedForUntilTheTimeout) {
  connect("a", 1);
  board.open(job_for(1, {"a"}), {});
  const auto watcher = watch(1);
  pass(milliseconds(4'900));
  EXPECT_EQ(watcher->finishes(), 0);
  pass(milliseconds(200));
  EXPECT_EQ(watcher->finishes(), 1);
  EXPECT_THAT(watcher->missing(), UnorderedElementsAre(Pair("a", Missing::kNotDelivered)));
}

TEST_F(JobBoardTest, ReconnectingMinionIsWaitedForUntilTheTimeout) {
  connect("a", 1);
  lose(1);
  board.open(job_for(1, {"a"}), {});
  const auto watcher = watch(1);
  pass(milliseconds(4'900));
  EXPECT_EQ(watcher->finishes(), 0);
  pass(milliseconds(200));
  EXPECT_EQ(watcher->finishes(), 1);
  EXPECT_THAT(watcher->missing(), UnorderedElementsAre(Pair("a", Missing::kReconnecting)));
}

TEST_F(JobBoardTest, MinionAwayForLongerThanTheGraceIsNotWaitedFor) {
  connect("a", 1);
  lose(1);
  clock.advance(seconds(10));
  board.open(job_for(1, {"a"}, seconds(60)), {});
  const auto watcher = watch(1);
  EXPECT_EQ(watcher->finishes(), 1);
  EXPECT_THAT(watcher->missing(), UnorderedElementsAre(Pair("a", Missing::kNotConnected)));
}

TEST_F(JobBoardTest, MinionThatLeftInOrderIsNotWaitedFor) {
  connect("a", 1);
  roster.close(session_number(1), EndReason::kLeft);
  board.open(job_for(1, {"a"}), {});
  const auto watcher = watch(1);
  EXPECT_EQ(watcher->finishes(), 1);
  EXPECT_THAT(watcher->missing(), UnorderedElementsAre(Pair("a", Missing::kNotConnected)));
}

TEST_F(JobBoardTest, RunningMinionIsWaitedForWithoutBound) {
  connect("a", 1);
  board.open(job_for(1, {"a"}), {});
  const auto watcher = watch(1);
  board.receipt(minion_id("a"), jid_number(1), Receipt::kRunning);
  for (int hour = 0; hour < 48; ++hour) pass(seconds(3'600));
  EXPECT_EQ(watcher->finishes(), 0);
  board.returned(return_of(jid_number(1), "a"));
  EXPECT_EQ(watcher->finishes(), 1);
  EXPECT_THAT(watcher->minions_returned(), ElementsAre("a"));
}

TEST_F(JobBoardTest, QueuedCountsAsASignOfLife) {
  connect("a", 1);
  board.open(job_for(1, {"a"}), {});
  const auto watcher = watch(1);
  board.receipt(minion_id("a"), jid_number(1), Receipt::kQueued);
  pass(seconds(60));
  EXPECT_EQ(watcher->finishes(), 0);
}

TEST_F(JobBoardTest, ReceiptOfAnUnexpectedMinionOrJobIsIgnored) {
  connect("a", 1);
  board.open(job_for(1, {"a"}), {});
  const auto watcher = watch(1);
  board.receipt(minion_id("b"), jid_number(1), Receipt::kRunning);
  board.receipt(minion_id("a"), jid_number(7), Receipt::kRunning);
  pass(seconds(6));
  EXPECT_EQ(watcher->finishes(), 1);
}

TEST_F(JobBoardTest, MinionLostWhileRunningIsWaitedForDuringTheGraceThenLost) {
  connect("a", 1);
  board.open(job_for(1, {"a"}), {});
  const auto watcher = watch(1);
  board.receipt(minion_id("a"), jid_number(1), Receipt::kRunning);
  pass(seconds(20));
  lose(1);
  pass(milliseconds(9'900));
  EXPECT_EQ(watcher->finishes(), 0);
  pass(milliseconds(200));
  EXPECT_EQ(watcher->finishes(), 1);
  EXPECT_THAT(watcher->missing(), UnorderedElementsAre(Pair("a", Missing::kLost)));
}

TEST_F(JobBoardTest, MinionThatComesBackRunningIsWaitedForAgain) {
  connect("a", 1);
  board.open(job_for(1, {"a"}), {});
  const auto watcher = watch(1);
  lose(1);
  pass(seconds(2));
  connect("a", 2, 1, {jid_number(1)});
  pass(seconds(600));
  EXPECT_EQ(watcher->finishes(), 0);
}

TEST_F(JobBoardTest, WithAbsentWaitsForThoseThatAreAway) {
  board.open(job_for(1, {"a"}, milliseconds(7'200'000)), {});
  const auto watcher = watch(1, milliseconds(60'000), true);
  pass(seconds(59));
  EXPECT_EQ(watcher->finishes(), 0);
  connect("a", 1);
  board.returned(return_of(jid_number(1), "a"));
  EXPECT_EQ(watcher->finishes(), 1);
}

TEST_F(JobBoardTest, WithAbsentGivesUpAtTheTimeoutAndLeavesTheJobOpen) {
  board.open(job_for(1, {"a"}, milliseconds(7'200'000)), {});
  const auto watcher = watch(1, milliseconds(60'000), true);
  pass(seconds(61));
  EXPECT_EQ(watcher->finishes(), 1);
  EXPECT_NE(board.find(jid_number(1)), nullptr);
  connect("a", 1);
  EXPECT_EQ(gateway.deliveries().size(), 1u);
}

TEST_F(JobBoardTest, ExpiredJobIsClosed) {
  connect("a", 1);
  board.open(job_for(1, {"a"}), {});
  pass(milliseconds(9'999));
  EXPECT_EQ(board.size(), 1u);
  pass(seconds(2));
  EXPECT_EQ(board.size(), 0u);
  lose(1);
  connect("a", 2);
  EXPECT_EQ(gateway.deliveries().size(), 1u);
}

TEST_F(JobBoardTest, ExpiredJobStaysOpenWhileSomebodyRunsIt) {
  connect("a", 1);
  board.open(job_for(1, {"a", "b"}), {});
  board.receipt(minion_id("a"), jid_number(1), Receipt::kRunning);
  pass(seconds(600));
  EXPECT_EQ(board.size(), 1u);
  lose(1);
  pass(seconds(9));
  EXPECT_EQ(board.size(), 1u);
  pass(seconds(3));
  EXPECT_EQ(board.size(), 0u);
}

TEST_F(JobBoardTest, ExpiredJobStaysOpenWhileItIsWatched) {
  connect("a", 1);
  board.open(job_for(1, {"a"}), {});
  const auto watcher = watch(1, milliseconds(60'000));
  pass(seconds(30));
  EXPECT_EQ(board.size(), 1u);
  EXPECT_EQ(watcher->finishes(), 0);
  pass(seconds(31));
  EXPECT_EQ(watcher->finishes(), 1);
  EXPECT_EQ(board.size(), 0u);
}

TEST_F(JobBoardTest, WatcherThatHasGoneIsToldNothing) {
  connect("a", 1);
  board.open(job_for(1, {"a"}), {});
  const auto watcher = watch(1);
  watcher->go();
  pass(seconds(60));
  EXPECT_EQ(watcher->finishes(), 0);
}

TEST_F(JobBoardTest, SeveralWatchersEachEndOnce) {
  connect("a", 1);
  board.open(job_for(1, {"a"}), {});
  const auto hasty = watch(1, milliseconds(1'000));
  const auto patient = watch(1, milliseconds(5'000));
  pass(seconds(2));
  EXPECT_EQ(hasty->finishes(), 1);
  EXPECT_EQ(patient->finishes(), 0);
  board.returned(return_of(jid_number(1), "a"));
  EXPECT_EQ(hasty->finishes(), 1);
  EXPECT_EQ(patient->finishes(), 1);
  EXPECT_THAT(hasty->minions_returned(), IsEmpty());
}

TEST_F(JobBoardTest, ClosedJobCannotBeWatched) {
  EXPECT_FALSE(board.watch(jid_number(1), std::make_shared<FakeWatcher>(), milliseconds(1), false));
}

TEST_F(JobBoardTest, ForgottenMinionIsNotWaitedForAndNotSentTheJob) {
  connect("a", 1);
  board.open(job_for(1, {"a"}), {});
  const auto watcher = watch(1);
  board.forget(minion_id("a"));
  roster.remove(minion_id("a"));
  board.review();
  EXPECT_EQ(watcher->finishes(), 1);
  EXPECT_THAT(watcher->missing(), UnorderedElementsAre(Pair("a", Missing::kNotConnected)));
  roster.add(minion_id("a"));
  connect("a", 2);
  EXPECT_EQ(gateway.deliveries().size(), 1u);
  pass(seconds(12));
  EXPECT_EQ(board.size(), 0u);
}

TEST_F(JobBoardTest, ForgottenRunningMinionDoesNotKeepTheJobOpen) {
  connect("a", 1);
  board.open(job_for(1, {"a"}), {});
  board.receipt(minion_id("a"), jid_number(1), Receipt::kRunning);
  board.forget(minion_id("a"));
  roster.remove(minion_id("a"));
  pass(seconds(12));
  EXPECT_EQ(board.size(), 0u);
}

TEST_F(JobBoardTest, BoardIsFullAtItsBound) {
  JobBoard small(roster, gateway, clock, {.reconnect_grace = seconds(10), .max_open = 2});
  small.open(job_for(1, {"a"}), {});
  EXPECT_FALSE(small.full());
  small.open(job_for(2, {"a"}), {});
  EXPECT_TRUE(small.full());
}

TEST_F(JobBoardTest, ExplainTellsTheStateOfAMissingMinion) {
  connect("a", 1);
  connect("b", 2);
  const auto job = job_for(1, {"a", "b", "c"});
  board.open(job, {});
  board.receipt(minion_id("a"), jid_number(1), Receipt::kRunning);
  EXPECT_EQ(board.explain(*job, minion_id("a")).state, Missing::kRunning);
  EXPECT_EQ(board.explain(*job, minion_id("b")).state, Missing::kNotDelivered);
  EXPECT_EQ(board.explain(*job, minion_id("c")).state, Missing::kNotConnected);
  clock.advance(seconds(3'600));
  EXPECT_EQ(board.explain(*job_for(9, {"c"}), minion_id("c")).state, Missing::kExpired);
}

TEST_F(JobBoardTest, LargeJobReachesEveryoneOnce) {
  auto job = job_for(1, {});
  for (int i = 0; i < 10'000; ++i) {
    const MinionId id = minion_id(fmt::format("m{:05}", i));
    roster.add(id);
    connect(id.str(), 100 + static_cast<std::uint64_t>(i));
    job->expected.push_back(id);
  }
  board.open(job, {});
  const auto deliveries = gateway.deliveries();
  ASSERT_EQ(deliveries.size(), 10'000u);
  for (std::size_t i = 0; i < deliveries.size(); ++i) {
    ASSERT_EQ(deliveries[i].index, i);
    ASSERT_EQ(deliveries[i].session.connection, 100 + i);
  }
}

}  // namespace
}  // namespace brine::engine
