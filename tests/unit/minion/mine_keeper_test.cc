#include "minion/mine_keeper.h"

#include <gmock/gmock.h>

#include "mine/limits.h"
#include "tests/unit/engine/fake_clock.h"

namespace brine::minion {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

MineFunction function(std::string name, std::string of = "test.ping", std::string allow = "") {
  return {std::move(name), std::move(of), {}, {}, std::move(allow)};
}

// A keeper whose functions "run" until the test says what they have returned.
class MineKeeperTest : public testing::Test {
 protected:
  void make(std::vector<MineFunction> functions, milliseconds interval = minutes(60)) {
    keeper = std::make_unique<MineKeeper>(MineKeeper::Parts{.clock = clock,
                                                            .run =
                                                                [this](const MineFunction& one) {
                                                                  if (busy) return false;
                                                                  begun.push_back(one.name);
                                                                  return true;
                                                                },
                                                            .send =
                                                                [this](const wire::SessionMessage& message) {
                                                                  sent.push_back(message);
                                                                  return true;
                                                                },
                                                            .keep = [this](const std::string& text) { kept = text; },
                                                            .counters = counters},
                                          std::move(functions), interval, kept);
  }
  void pass(milliseconds time) {
    clock.advance(time);
    keeper->on_tick();
  }
  // What was sent since the last look, as "whole x=1 y=2 -z".
  std::vector<std::string> told() {
    std::vector<std::string> texts;
    for (const wire::SessionMessage& message : std::exchange(sent, {})) {
      const auto* change = std::get_if<wire::MineChange>(&message);
      if (change == nullptr) continue;
      std::string text = change->change.whole ? "whole" : "part";
      for (const auto& entry : change->change.entries) text += " " + entry.name + "=" + entry.value + (entry.allow.empty() ? "" : "!");
      for (const auto& name : change->change.removed) text += " -" + name;
      texts.push_back(text);
    }
    return texts;
  }
  Status by_hand(const std::string& name, const Json& value) { return keeper->publish(name, value, "", true); }

  using minutes = std::chrono::minutes;
  FakeClock clock;
  MineCounters counters;
  std::vector<std::string> begun;
  std::vector<wire::SessionMessage> sent;
  std::string kept;
  bool busy = false;
  std::unique_ptr<MineKeeper> keeper;
};

TEST_F(MineKeeperTest, TheWholeIsToldWhenEveryFunctionHasRun) {
  make({function("x"), function("y")});
  keeper->on_tick();
  EXPECT_THAT(begun, ElementsAre("x", "y"));
  keeper->session_opened();
  keeper->computed("x", Json(1));
  EXPECT_THAT(told(), IsEmpty());
  keeper->computed("y", Json("two"));
  EXPECT_THAT(told(), ElementsAre(R"(whole x=1 y="two")"));
}

TEST_F(MineKeeperTest, WithoutFunctionsTheWholeIsEmptyAndToldAtOnce) {
  make({});
  keeper->session_opened();
  EXPECT_THAT(told(), ElementsAre("whole"));
}

TEST_F(MineKeeperTest, OnlyWhatHasChangedIsTold) {
  make({function("x"), function("y")});
  keeper->on_tick();
  keeper->session_opened();
  keeper->computed("x", Json(1));
  keeper->computed("y", Json(1));
  told();
  pass(minutes(70));
  keeper->computed("x", Json(1));
  keeper->computed("y", Json(2));
  EXPECT_THAT(told(), ElementsAre("part y=2"));
}

TEST_F(MineKeeperTest, EverySessionIsToldTheWhole) {
  make({function("x")});
  keeper->on_tick();
  keeper->computed("x", Json(1));
  keeper->session_opened();
  keeper->session_closed();
  told();
  keeper->session_opened();
  EXPECT_THAT(told(), ElementsAre("whole x=1"));
}

TEST_F(MineKeeperTest, AFunctionThatHangsHoldsTheWholeBackForAMinuteOnly) {
  make({function("x"), function("hangs")});
  keeper->on_tick();
  keeper->session_opened();
  keeper->computed("x", Json(1));
  pass(seconds(59));
  EXPECT_THAT(told(), IsEmpty());
  pass(seconds(1));
  EXPECT_THAT(told(), ElementsAre("part x=1"));
}

TEST_F(MineKeeperTest, ChangesTravelOnceASecond) {
  make({});
  keeper->session_opened();
  told();
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(by_hand("x", i));
  EXPECT_THAT(told(), IsEmpty());
  pass(seconds(1));
  EXPECT_THAT(told(), ElementsAre("part x=4"));
  EXPECT_TRUE(by_hand("x", 5));
  pass(milliseconds(500));
  EXPECT_THAT(told(), IsEmpty());
  pass(milliseconds(500));
  EXPECT_THAT(told(), ElementsAre("part x=5"));
}

TEST_F(MineKeeperTest, AFunctionThatFailsKeepsItsFormerValue) {
  make({function("x")});
  keeper->on_tick();
  keeper->session_opened();
  keeper->computed("x", Json(1));
  told();
  keeper->computed("x", fail(Code::kInvalid, "no"));
  pass(seconds(2));
  EXPECT_THAT(told(), IsEmpty());
  EXPECT_EQ(counters.failures, 1U);
}

TEST_F(MineKeeperTest, FunctionsRunAgainAfterTheInterval) {
  make({function("x")}, minutes(10));
  keeper->on_tick();
  keeper->computed("x", Json(1));
  pass(minutes(8));
  EXPECT_THAT(begun, ElementsAre("x"));
  pass(minutes(3));
  EXPECT_THAT(begun, ElementsAre("x", "x"));
}

TEST_F(MineKeeperTest, NewGrainsRunTheFunctionsThatTellThem) {
  make({function("x"), function("os", "grains.get")});
  keeper->on_tick();
  keeper->computed("x", Json(1));
  keeper->computed("os", Json("Debian"));
  begun.clear();
  keeper->grains_changed();
  EXPECT_THAT(begun, ElementsAre("os"));
}

TEST_F(MineKeeperTest, AFunctionThatRunsWhileItsValueMayHaveChangedRunsOnceMore) {
  make({function("os", "grains.get")});
  keeper->on_tick();
  keeper->grains_changed();
  keeper->grains_changed();
  EXPECT_THAT(begun, ElementsAre("os"));
  keeper->computed("os", Json("Debian"));
  EXPECT_THAT(begun, ElementsAre("os", "os"));
  keeper->computed("os", Json("Debian"));
  EXPECT_EQ(begun.size(), 2U);
}

TEST_F(MineKeeperTest, WhatIsRemovedIsTold) {
  make({});
  EXPECT_TRUE(by_hand("x", 1));
  EXPECT_TRUE(by_hand("y", 1));
  keeper->session_opened();
  told();
  EXPECT_TRUE(keeper->remove("x"));
  EXPECT_FALSE(keeper->remove("x"));
  pass(seconds(1));
  EXPECT_THAT(told(), ElementsAre("part -x"));
  EXPECT_EQ(keeper->remove_all(), 1U);
  pass(seconds(1));
  EXPECT_THAT(told(), ElementsAre("part -y"));
}

TEST_F(MineKeeperTest, WhatWasPublishedByHandOutlivesTheProcess) {
  make({function("configured")});
  EXPECT_TRUE(keeper->publish("x", Json{{"a", 1}}, "glob web*", true));
  EXPECT_TRUE(keeper->publish("configured", Json(1), "", false));
  make({});
  keeper->session_opened();
  EXPECT_THAT(told(), ElementsAre(R"(whole x={"a":1}!)"));
  keeper->remove("x");
  make({});
  keeper->session_opened();
  EXPECT_THAT(told(), ElementsAre("whole"));
}

TEST_F(MineKeeperTest, DamagedMemoryOfAnEarlierLifeIsNoTrouble) {
  for (const char* text : {"", "[", "[]", R"({"x": 1, "y": {"value": 2, "allow": 3}})"}) {
    kept = text;
    make({});
  }
  keeper->session_opened();
  EXPECT_THAT(told(), ElementsAre("whole y=2"));
}

TEST_F(MineKeeperTest, TooMuchIsRefusedWithTheBound) {
  make({});
  const Json large = std::string(mine::kMaxValueBytes - 2, 'x');
  EXPECT_THAT(by_hand("x", std::string(mine::kMaxValueBytes, 'x')).error().message, HasSubstr("262144"));
  for (const char* name : {"1", "2", "3"}) EXPECT_TRUE(by_hand(name, large));
  EXPECT_THAT(by_hand("4", large).error().message, HasSubstr("1048576"));
  EXPECT_TRUE(by_hand("3", 1));
  EXPECT_TRUE(by_hand("4", large));
}

TEST_F(MineKeeperTest, MoreNamesThanAllowedAreRefused) {
  make({});
  for (std::size_t i = 0; i < mine::kMaxNames; ++i) EXPECT_TRUE(by_hand(std::to_string(i), 1));
  EXPECT_THAT(by_hand("more", 1).error().message, HasSubstr("256 names"));
}

TEST_F(MineKeeperTest, AWrongReaderTargetIsRefused) {
  make({});
  EXPECT_THAT(keeper->publish("x", 1, "compound (", true).error().message, HasSubstr("allow_tgt of x"));
}

TEST_F(MineKeeperTest, AQuestionIsAnsweredByItsNumber) {
  make({});
  keeper->session_opened();
  sent.clear();
  std::vector<std::string> answers;
  const auto answer = [&](const Result<Json>& value) { answers.push_back(value ? value->dump() : value.error().message); };
  keeper->get({"glob", "web*", "x"}, answer);
  keeper->get({"grain", "role:db", "y"}, answer);
  ASSERT_EQ(sent.size(), 2U);
  const auto first = std::get<wire::MineGet>(sent[0]);
  const auto second = std::get<wire::MineGet>(sent[1]);
  EXPECT_EQ(second.target_kind, "grain");
  EXPECT_EQ(second.target, "role:db");
  EXPECT_EQ(second.name, "y");
  keeper->replied(second.number, R"({"db1":1})", "");
  keeper->replied(first.number, "", "the target is wrong");
  keeper->replied(first.number, "{}", "");
  keeper->replied(77, "{}", "");
  EXPECT_THAT(answers, ElementsAre(R"({"db1":1})", "the target is wrong"));
}

TEST_F(MineKeeperTest, WithoutASessionAQuestionFailsAtOnceAndWhenItEndsToo) {
  make({});
  std::vector<Code> codes;
  const auto answer = [&](const Result<Json>& value) { codes.push_back(value.error().code); };
  keeper->get({"glob", "*", "x"}, answer);
  keeper->session_opened();
  keeper->get({"glob", "*", "x"}, answer);
  keeper->session_closed();
  EXPECT_THAT(codes, ElementsAre(Code::kUnavailable, Code::kUnavailable));
}

TEST_F(MineKeeperTest, ABusyMinionRunsThemAtTheNextInterval) {
  busy = true;
  make({function("x")}, minutes(10));
  keeper->on_tick();
  busy = false;
  pass(minutes(11));
  EXPECT_THAT(begun, ElementsAre("x"));
}

}  // namespace
}  // namespace brine::minion
