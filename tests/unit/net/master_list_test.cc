#include "net/master_list.h"

#include <gmock/gmock.h>

#include <map>

namespace brine::net {
namespace {

using testing::SizeIs;

MinionId id(int number) { return MinionId::trusted("m" + std::to_string(number)); }

// All that it turns to, from the current one on.
std::vector<std::string> round(MasterList list) {
  std::vector<std::string> all;
  for (std::size_t i = 0; i < list.size(); ++i) {
    all.push_back(list.current());
    list.next();
  }
  return all;
}

TEST(MasterList, BeforeAnythingIsKnownTheConfiguredOnesAreTriedInTurn) {
  const auto tried = round(MasterList(id(1), {"tcp://x:1", "tcp://y:1"}));
  EXPECT_THAT(tried, testing::UnorderedElementsAre("tcp://x:1", "tcp://y:1"));
}

TEST(MasterList, ThoseThatLiveAreSpreadEvenly) {
  std::map<std::string, int> chosen;
  for (int i = 0; i < 900; ++i) {
    MasterList list(id(i), {"tcp://a:1"});
    list.learn({"a:1", "b:1", "c:1"}, "a:1");
    list.take_best();
    ++chosen[list.current()];
  }
  EXPECT_THAT(chosen, SizeIs(3));
  for (const auto& [endpoint, count] : chosen) EXPECT_NEAR(count, 300, 60) << endpoint;
}

TEST(MasterList, OnlyTheMinionsOfAMasterThatGoesMove) {
  for (int i = 0; i < 100; ++i) {
    MasterList list(id(i), {"tcp://a:1"});
    list.learn({"a:1", "b:1", "c:1"}, "");
    list.take_best();
    const std::string before = list.current();
    list.learn({"a:1", "b:1"}, "");
    if (before == "tcp://c:1") continue;
    EXPECT_FALSE(list.has_better());
    EXPECT_EQ(list.current(), before);
  }
}

TEST(MasterList, TheOrderOfTheListDoesNotMatter) {
  MasterList one(id(7), {}), other(id(7), {});
  one.learn({"a:1", "b:1", "c:1"}, "a:1");
  other.learn({"c:1", "a:1", "b:1", "a:1"}, "a:1");
  one.take_best();
  other.take_best();
  EXPECT_EQ(round(one), round(other));
}

TEST(MasterList, WhoeverServesIsKnownByItsOwnAddress) {
  MasterList list(id(1), {"tcp://alias:4506"});
  list.learn({"10.0.0.1:4506"}, "10.0.0.1:4506");
  EXPECT_EQ(list.current(), "tcp://10.0.0.1:4506");
  EXPECT_FALSE(list.has_better());
}

TEST(MasterList, ConfiguredOnesAreTheLastResort) {
  MasterList list(id(1), {"tcp://alias:4506"});
  list.learn({"a:1", "b:1"}, "a:1");
  list.take_best();
  const auto tried = round(list);
  ASSERT_THAT(tried, SizeIs(3));
  EXPECT_EQ(tried.back(), "tcp://alias:4506");
}

TEST(MasterList, ADrainingMasterThatServesIsLeft) {
  MasterList list(id(1), {"tcp://a:1"});
  list.learn({"b:1"}, "a:1");
  EXPECT_EQ(list.current(), "tcp://a:1");
  EXPECT_TRUE(list.has_better());
  list.take_best();
  EXPECT_EQ(list.current(), "tcp://b:1");
}

TEST(MasterList, OneThatDidNotServeIsNotPreferredUntilOthersLiveThanBefore) {
  MasterList list(id(1), {"tcp://a:1"});
  list.learn({"a:1", "b:1", "c:1"}, "");
  list.take_best();
  const std::string best = list.current();
  list.next();
  const std::string second = list.current().substr(6);
  list.learn({"c:1", "b:1", "a:1"}, second);  // whoever serves now has not noticed yet
  EXPECT_FALSE(list.has_better());
  std::vector<std::string> left{"a:1", "b:1", "c:1"};
  std::erase(left, best.substr(6));
  list.learn(left, second);
  EXPECT_FALSE(list.has_better());
  list.learn({"a:1", "b:1", "c:1"}, second);  // it is back
  EXPECT_TRUE(list.has_better());
  list.take_best();
  EXPECT_EQ(list.current(), best);
}

TEST(MasterList, OneThatTakesNoMoreIsTriedAgainAFewTimes) {
  MasterList list(id(1), {"tcp://a:1"});
  list.learn({"a:1", "b:1"}, "");
  list.take_best();
  const std::string best = list.current();
  for (int i = 0; i < 3; ++i) {
    list.pass();
    list.learn({"b:1", "a:1"}, list.current().substr(6));
    ASSERT_TRUE(list.has_better()) << i;
    list.take_best();
    ASSERT_EQ(list.current(), best);
  }
  list.pass();
  list.learn({"b:1", "a:1"}, list.current().substr(6));
  EXPECT_FALSE(list.has_better()) << "a minion does not come and go for ever";
}

TEST(MasterList, AnEmptyListChangesNothing) {
  MasterList list(id(1), {"tcp://a:1"});
  list.learn({}, "");
  EXPECT_EQ(list.current(), "tcp://a:1");
  EXPECT_FALSE(list.has_better());
}

}  // namespace
}  // namespace brine::net
