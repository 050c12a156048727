#include "minion/modules/mine.h"

#include <gmock/gmock.h>

#include "minion/mine.h"
#include "tests/unit/minion/function_calls.h"

namespace brine::minion {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Remembers what it is told, and answers every question with who asked for what.
class FakeMine final : public Mine {
 public:
  const std::vector<MineFunction>& functions() const override { return configured; }
  Status publish(const std::string& name, const Json& value, const std::string& allow, bool by_hand) override {
    published.push_back(name + "=" + value.dump() + " " + allow + (by_hand ? " by hand" : ""));
    return refusal.empty() ? Status() : Status(fail(Code::kFull, refusal));
  }
  Result<bool> remove(const std::string& name) override {
    removed.push_back(name);
    return name == "known";
  }
  Result<std::size_t> remove_all() override {
    removed.emplace_back("all");
    return 1;
  }
  Result<Json> get(const MineQuestion& question, const std::atomic<bool>&) override {
    questions.push_back(question.target_kind + " " + question.target + " " + question.name);
    return Json{{"m1", question.name}, {"m2", 2}};
  }

  std::vector<MineFunction> configured;
  std::vector<std::string> published, removed, questions;
  std::string refusal;
};

class MineModule : public testing::Test {
 protected:
  Outcome run(std::string function, std::vector<Json> args = {}, std::map<std::string, Json> kwargs = {}) {
    Call call = calls.call(std::move(function), std::move(args), std::move(kwargs));
    call.mine = &mine;
    return minion::run(calls.registry, call);
  }

  FunctionCalls calls;
  FakeMine mine;
};

TEST_F(MineModule, GetAsksTheMaster) {
  EXPECT_EQ(run("mine.get", {"web*", "addr"}).value, Json::parse(R"({"m1":"addr","m2":2})"));
  run("mine.get", {"role:web", "addr"}, {{"tgt_type", "grain"}});
  run("mine.get", {Json::array({"a", "b"}), "addr", "list"});
  EXPECT_THAT(mine.questions, ElementsAre("glob web* addr", "grain role:web addr", "list a,b addr"));
}

TEST_F(MineModule, GetOfSeveralNamesAnswersForEach) {
  EXPECT_EQ(run("mine.get", {"*", "x,y"}).value, Json::parse(R"({"x":{"m1":"x","m2":2},"y":{"m1":"y","m2":2}})"));
  EXPECT_EQ(run("mine.get", {"*", Json::array({"x", "y"})}).value.size(), 2U);
}

TEST_F(MineModule, GetMayLeaveTheMinionItselfOut) {
  EXPECT_EQ(run("mine.get", {"*", "x"}, {{"exclude_minion", true}}).value, Json::parse(R"({"m2":2})"));
}

TEST_F(MineModule, SendPublishesWhatAFunctionReturns) {
  EXPECT_EQ(run("mine.send", {"test.echo", "hello"}).value, true);
  run("mine.send", {"site", "site:name"}, {{"mine_function", "grains.get"}, {"allow_tgt", "web*"}});
  run("mine.send", {"site", "site|name"},
      {{"mine_function", "grains.get"}, {"delimiter", "|"}, {"allow_tgt", Json::array({"a", "b"})}, {"allow_tgt_type", "list"}});
  EXPECT_THAT(mine.published,
              ElementsAre(R"(test.echo="hello"  by hand)", R"(site="north" glob web* by hand)", R"(site="north" list a,b by hand)"));
}

TEST_F(MineModule, SendOfAFunctionThatFailsPublishesNothing) {
  const Outcome outcome = run("mine.send", {"no.such"});
  EXPECT_NE(outcome.retcode, 0);
  EXPECT_THAT(outcome.value.dump(), HasSubstr("no.such"));
  EXPECT_NE(run("mine.send", {"mine.send", "test.ping"}).retcode, 0);
  EXPECT_THAT(mine.published, IsEmpty());
}

TEST_F(MineModule, SendSaysWhyAValueIsNotPublished) {
  mine.refusal = "too large";
  EXPECT_THAT(run("mine.send", {"test.ping"}).value.dump(), HasSubstr("too large"));
}

TEST_F(MineModule, DeleteAndFlushTakeBack) {
  EXPECT_EQ(run("mine.delete", {"known"}).value, true);
  EXPECT_EQ(run("mine.delete", {"other"}).value, false);
  EXPECT_EQ(run("mine.flush").value, true);
  EXPECT_THAT(mine.removed, ElementsAre("known", "other", "all"));
}

TEST_F(MineModule, UpdateRunsWhatIsConfigured) {
  mine.configured = {{"alive", "test.ping", {}, {}, ""}, {"site", "grains.get", {"site:name"}, {}, "glob web*"}};
  EXPECT_EQ(run("mine.update").value, true);
  EXPECT_THAT(mine.published, ElementsAre("alive=true ", R"(site="north" glob web*)"));
}

TEST_F(MineModule, UpdateNamesWhatFailedAndPublishesTheRest) {
  mine.configured = {{"bad", "no.such", {}, {}, ""}, {"alive", "test.ping", {}, {}, ""}};
  const Outcome outcome = run("mine.update");
  EXPECT_NE(outcome.retcode, 0);
  EXPECT_TRUE(outcome.value.contains("bad"));
  EXPECT_THAT(mine.published, ElementsAre("alive=true "));
}

TEST_F(MineModule, ValidShowsWhatIsConfigured) {
  mine.configured = {{"site", "grains.get", {"site:name"}, {{"delimiter", ":"}}, ""}};
  EXPECT_EQ(run("mine.valid").value, Json::parse(R"({"site":{"grains.get":["site:name",{"delimiter":":"}]}})"));
}

TEST_F(MineModule, WithoutASessionItSaysWhatToDo) {
  for (const char* name : {"mine.update", "mine.flush", "mine.valid"}) {
    const Outcome outcome = calls.run(name);
    EXPECT_NE(outcome.retcode, 0) << name;
    EXPECT_THAT(outcome.value.dump(), HasSubstr("connection to its master")) << name;
  }
  EXPECT_THAT(calls.text("mine.get", {"*", "x"}), HasSubstr("brine '<this minion>' mine.get"));
}

}  // namespace
}  // namespace brine::minion
