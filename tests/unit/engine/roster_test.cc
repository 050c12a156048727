#include "engine/roster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/engine/fakes.h"

namespace brine::engine {
namespace {

using testing::ElementsAre;

SessionOpened opening(std::string_view id, std::uint64_t session, std::uint64_t instance) {
  return {session_number(session), minion_id(id), instance, "{}", {}, "10.0.0.1"};
}

class RosterTest : public testing::Test {
 protected:
  Roster::Opened open(std::uint64_t session, std::uint64_t instance) { return roster.open(web, opening("web", session, instance)); }

  FakeClock clock;
  Roster roster{clock};
  Minion& web = roster.add(minion_id("web"));
};

TEST_F(RosterTest, AddedMinionIsAwaySinceNow) {
  EXPECT_FALSE(web.session.has_value());
  EXPECT_EQ(web.away_since, clock.now());
}

TEST_F(RosterTest, AddingAgainKeepsTheSession) {
  open(1, 100);
  clock.advance(seconds(5));
  EXPECT_EQ(roster.add(minion_id("web")).session, session_number(1));
  EXPECT_EQ(roster.connected(), 1u);
}

TEST_F(RosterTest, OpenSessionIsHeldByItsMinion) {
  EXPECT_FALSE(open(1, 100).displaced.has_value());
  ASSERT_NE(roster.holder(session_number(1)), nullptr);
  EXPECT_EQ(roster.holder(session_number(1))->str(), "web");
  EXPECT_THAT(roster.connected_ids(), ElementsAre(minion_id("web")));
}

TEST_F(RosterTest, NewestSessionWins) {
  open(1, 100);
  const Roster::Opened second = open(2, 100);
  EXPECT_EQ(second.displaced, session_number(1));
  EXPECT_EQ(web.session, session_number(2));
  EXPECT_EQ(roster.holder(session_number(1)), nullptr);
  EXPECT_EQ(roster.connected(), 1u);
}

TEST_F(RosterTest, CloseOfADisplacedSessionDoesNotEndTheNewOne) {
  open(1, 100);
  open(2, 100);
  EXPECT_EQ(roster.close(session_number(1), EndReason::kLost), nullptr);
  EXPECT_EQ(web.session, session_number(2));
}

TEST_F(RosterTest, CloseSaysWhoWasLostAndSinceWhen) {
  open(1, 100);
  clock.advance(seconds(30));
  const MinionId* closed = roster.close(session_number(1), EndReason::kLost);
  ASSERT_NE(closed, nullptr);
  EXPECT_EQ(closed->str(), "web");
  EXPECT_EQ(web.away_since, clock.now());
  EXPECT_FALSE(web.left);
  EXPECT_EQ(roster.connected(), 0u);
}

TEST_F(RosterTest, OrderlyLeaveIsRememberedUntilTheNextSession) {
  open(1, 100);
  roster.close(session_number(1), EndReason::kLeft);
  EXPECT_TRUE(web.left);
  open(2, 101);
  EXPECT_FALSE(web.left);
}

TEST_F(RosterTest, RemovedMinionLosesItsSession) {
  open(1, 100);
  roster.remove(minion_id("web"));
  EXPECT_EQ(roster.find(minion_id("web")), nullptr);
  EXPECT_EQ(roster.connected(), 0u);
  EXPECT_EQ(roster.close(session_number(1), EndReason::kLost), nullptr);
}

TEST_F(RosterTest, ThirdTakeoverWithinAMinuteIsADuplicate) {
  open(1, 100);
  EXPECT_FALSE(open(2, 200).duplicate);
  clock.advance(seconds(20));
  EXPECT_FALSE(open(3, 100).duplicate);
  clock.advance(seconds(20));
  EXPECT_TRUE(open(4, 200).duplicate);
}

TEST_F(RosterTest, DuplicateIsToldOncePerWindow) {
  open(1, 100);
  open(2, 200);
  open(3, 100);
  ASSERT_TRUE(open(4, 200).duplicate);
  EXPECT_FALSE(open(5, 100).duplicate);
}

TEST_F(RosterTest, TakeoversFarApartAreNoDuplicate) {
  open(1, 100);
  for (std::uint64_t session = 2; session < 10; ++session) {
    clock.advance(seconds(61));
    EXPECT_FALSE(open(session, session % 2 == 0 ? 200 : 100).duplicate) << session;
  }
}

TEST_F(RosterTest, ReconnectsOfOneProcessAreNoDuplicate) {
  for (std::uint64_t session = 1; session < 10; ++session) EXPECT_FALSE(open(session, 100).duplicate) << session;
}

}  // namespace
}  // namespace brine::engine
