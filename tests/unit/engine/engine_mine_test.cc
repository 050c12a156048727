#include "tests/unit/engine/engine_fixture.h"

#include <future>

namespace brine::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

store::MineChange whole(std::vector<std::pair<std::string, std::string>> entries, std::string allow = "") {
  store::MineChange change{.whole = true};
  for (auto& [name, value] : entries) change.entries.push_back({{}, std::move(name), std::move(value), allow, 0});
  return change;
}

class EngineMine : public EngineTest {
 protected:
  // What the minion gets, or the error.
  std::string get(std::string_view reader, std::string target, std::string name, std::string kind = "glob") {
    std::promise<std::string> answer;
    engine->mine_get(minion_id(reader), {std::move(kind), std::move(target), ':', std::move(name)},
                     [&](std::string json, const std::string& error) { answer.set_value(error.empty() ? std::move(json) : error); });
    return answer.get_future().get();
  }
  std::vector<MineValue> read(std::string target, std::string name) {
    std::promise<Result<std::vector<MineValue>>> answer;
    engine->read_mine({"glob", std::move(target), ':', std::move(name)}, [&](auto values) { answer.set_value(std::move(values)); });
    return answer.get_future().get().value();
  }
  std::size_t stored() { return store.mine()->size(); }
};

TEST_F(EngineMine, AnEntryIsReadAtOnceAndWritten) {
  start();
  connect("a", 1);
  engine->mine_changed(session_number(1), minion_id("a"), whole({{"addr", R"("10.0.0.1")"}}));
  EXPECT_EQ(get("a", "*", "addr"), R"({"a":"10.0.0.1"})");
  ASSERT_TRUE(eventually([&] { return stored() == 1; }));
}

TEST_F(EngineMine, OnlyWhatChangesIsWritten) {
  start();
  connect("a", 1);
  engine->mine_changed(session_number(1), minion_id("a"), whole({{"x", "1"}, {"y", "1"}}));
  ASSERT_TRUE(eventually([&] { return store.mine_writes() == 2; }));
  engine->mine_changed(session_number(1), minion_id("a"), whole({{"x", "1"}, {"y", "2"}}));
  ASSERT_TRUE(eventually([&] { return store.mine_writes() == 3; }));
  EXPECT_EQ(engine->mine_counters().unchanged, 1U);
}

TEST_F(EngineMine, AWholeRemovesWhatItDoesNotName) {
  start();
  connect("a", 1);
  engine->mine_changed(session_number(1), minion_id("a"), whole({{"x", "1"}, {"y", "1"}}));
  engine->mine_changed(session_number(1), minion_id("a"), whole({{"y", "1"}}));
  EXPECT_EQ(get("a", "*", "x"), "{}");
  ASSERT_TRUE(eventually([&] { return stored() == 1; }));
}

TEST_F(EngineMine, APartAddsAndRemovesByName) {
  start();
  connect("a", 1);
  engine->mine_changed(session_number(1), minion_id("a"), whole({{"x", "1"}, {"y", "1"}}));
  store::MineChange part = whole({{"z", "3"}});
  part.whole = false;
  part.removed = {"x"};
  engine->mine_changed(session_number(1), minion_id("a"), part);
  EXPECT_EQ(get("a", "*", "x"), "{}");
  EXPECT_EQ(get("a", "*", "y"), R"({"a":1})");
  EXPECT_EQ(get("a", "*", "z"), R"({"a":3})");
}

TEST_F(EngineMine, AReaderThatIsNotAllowedSeesNothing) {
  start();
  connect("a", 1);
  connect("b", 2, R"({"role":"proxy"})");
  connect("c", 3);
  engine->mine_changed(session_number(1), minion_id("a"), whole({{"x", "1"}}, "grain role:proxy"));
  EXPECT_EQ(get("b", "*", "x"), R"({"a":1})");
  EXPECT_EQ(get("c", "*", "x"), "{}");
  EXPECT_EQ(get("a", "*", "x"), R"({"a":1})");
  EXPECT_EQ(read("*", "x").size(), 1U);
}

TEST_F(EngineMine, AWrongTargetIsExplainedToTheReader) {
  start();
  connect("a", 1);
  EXPECT_THAT(get("a", "(", "x", "compound"), HasSubstr("^"));
}

TEST_F(EngineMine, ADisplacedSessionChangesNothing) {
  start();
  connect("a", 1);
  connect("a", 2);
  engine->mine_changed(session_number(1), minion_id("a"), whole({{"x", "1"}}));
  EXPECT_EQ(get("a", "*", "x"), "{}");
}

TEST_F(EngineMine, EntriesTellWhetherTheirMinionIsPresent) {
  start();
  connect("a", 1);
  engine->mine_changed(session_number(1), minion_id("a"), whole({{"x", "1"}}));
  EXPECT_TRUE(read("*", "x").at(0).present);
  engine->session_closed(session_number(1), EndReason::kLost);
  ASSERT_EQ(read("*", "x").size(), 1U);
  EXPECT_FALSE(read("*", "x").at(0).present);
}

TEST_F(EngineMine, AMasterThatHasJustStartedDoesNotSayWhoIsGone) {
  start();
  for (const std::uint64_t number : {1, 2}) {
    connect(number == 1 ? "a" : "b", number);
    engine->mine_changed(session_number(number), minion_id(number == 1 ? "a" : "b"), whole({{"x", "1"}}));
  }
  ASSERT_TRUE(eventually([&] { return stored() == 2; }));
  restart();
  const auto ask = [&] {
    std::promise<std::string> answer;
    engine->read_mine({"glob", "*", ':', "x", true}, [&](const Result<std::vector<MineValue>>& values) {
      std::string text = values ? "" : std::string(to_string(values.error().code));
      for (const MineValue& value : values.value_or(std::vector<MineValue>())) text += value.id.str() + (value.present ? "+" : "-");
      answer.set_value(text);
    });
    return answer.get_future().get();
  };
  connect("a", 3);
  EXPECT_EQ(ask(), to_string(Code::kUnavailable));
  connect("b", 4);
  EXPECT_EQ(ask(), "a+b+");
  engine->session_closed(session_number(3), EndReason::kLost);
  EXPECT_EQ(ask(), "a-b+");
  restart();
  clock.advance(options.board.reconnect_grace);
  EXPECT_EQ(ask(), "a-b-");
}

TEST_F(EngineMine, EntriesAreKnownAfterARestart) {
  start();
  connect("a", 1);
  engine->mine_changed(session_number(1), minion_id("a"), whole({{"x", "1"}}));
  ASSERT_TRUE(eventually([&] { return stored() == 1; }));
  restart();
  EXPECT_EQ(get("a", "*", "x"), R"({"a":1})");
}

TEST_F(EngineMine, ADeletedMinionsEntriesAreGone) {
  start();
  connect("a", 1);
  engine->mine_changed(session_number(1), minion_id("a"), whole({{"x", "1"}}));
  ASSERT_TRUE(eventually([&] { return stored() == 1; }));
  ASSERT_TRUE(change(KeyAuthority::Change::kDelete, "a"));
  ASSERT_TRUE(eventually([&] { return stored() == 0; }));
  connect("a", 2);
  EXPECT_EQ(get("a", "*", "x"), "{}");
}

TEST_F(EngineMine, ARejectedMinionsEntriesAreGone) {
  start();
  connect("a", 1);
  engine->mine_changed(session_number(1), minion_id("a"), whole({{"x", "1"}}));
  ASSERT_TRUE(eventually([&] { return stored() == 1; }));
  ASSERT_TRUE(change(KeyAuthority::Change::kReject, "a"));
  ASSERT_TRUE(eventually([&] { return stored() == 0; }));
}

TEST_F(EngineMine, WhatAnUnknownMinionLeftIsSweptAtTheStart) {
  store.put_mine({minion_id("long-gone"), "x", "1", "", 1});
  start();
  EXPECT_TRUE(eventually([&] { return stored() == 0; }));
}

TEST_F(EngineMine, ChangesOfATimeWithoutAStoreAreWrittenWhenItIsBack) {
  start();
  connect("a", 1);
  store.go_away("gone fishing");
  engine->mine_changed(session_number(1), minion_id("a"), whole({{"x", "1"}}));
  engine->mine_changed(session_number(1), minion_id("a"), whole({{"x", "2"}}));
  EXPECT_EQ(get("a", "*", "x"), R"({"a":2})");
  store.come_back();
  ASSERT_TRUE(eventually([&] { return stored() == 1; }));
  EXPECT_TRUE(eventually([&] { return store.mine()->at(0).value == "2"; }));
}

TEST_F(EngineMine, ChangesAreEvents) {
  events.want(true);
  start();
  connect("a", 1);
  engine->mine_changed(session_number(1), minion_id("a"), whole({{"x", "1"}}));
  engine->mine_changed(session_number(1), minion_id("a"), whole({{"x", "2"}}));
  engine->mine_changed(session_number(1), minion_id("a"), whole({{"x", "2"}}));
  engine->mine_changed(session_number(1), minion_id("a"), whole({}));
  get("a", "*", "x");
  std::vector<std::string> acts;
  for (const std::string& json : events.jsons_of("brine/mine/change")) acts.push_back(Json::parse(json).at("act"));
  EXPECT_THAT(acts, ElementsAre("add", "change", "remove"));
}

}  // namespace
}  // namespace brine::engine
