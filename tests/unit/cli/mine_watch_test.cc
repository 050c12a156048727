#include "cli/mine_watch.h"

#include <gmock/gmock.h>
#include <sys/eventfd.h>

#include <deque>

#include "base/file.h"
#include "cli/exit_status.h"
#include "cli/reload_command.h"
#include "tests/unit/base/temporary_folder.h"
#include "tests/unit/cli/fake_terminal.h"
#include "tests/unit/engine/fake_clock.h"

namespace brine::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Words = std::vector<std::string>;

Result<MineWatch> read_watch(const Words& words, MineOutput output = {}) {
  return read_mine_watch(*read_function_arguments(words), std::move(output));
}

MineEntries entries(const char* json) { return read_mine_entries(Json::parse(json)); }

TEST(MineWatch, ReadsItsArguments) {
  const auto watch = read_watch({"role:web", "addr", "tgt_type=grain", "count=3", "once=True"});
  ASSERT_TRUE(watch);
  EXPECT_EQ(watch->target, "role:web");
  EXPECT_EQ(watch->name, "addr");
  EXPECT_EQ(watch->target_kind, "grain");
  EXPECT_EQ(watch->count, 3);
  EXPECT_TRUE(watch->once);
}

TEST(MineWatch, SaysWhatIsMissingOrWrong) {
  EXPECT_THAT(read_watch({"*"}).error().message, HasSubstr("one name of an entry is needed; usage: mine.watch("));
  EXPECT_THAT(read_watch({"fun=x"}).error().message, HasSubstr("a target is missing"));
  EXPECT_THAT(read_watch({"*", "x", "fnu=y"}).error().message, HasSubstr("no parameter 'fnu'"));
  EXPECT_THAT(read_watch({"*", "x"}, {.template_file = "t"}).error().message, HasSubstr("belong together"));
}

TEST(MineWatch, ChangesAreAddChangeAndRemove) {
  const auto before = entries(R"({"a":{"value":1,"present":true},"b":{"value":1,"present":true},"c":{"value":1,"present":true}})");
  const auto after = entries(R"({"a":{"value":1,"present":true},"b":{"value":2,"present":true},"d":{"value":[1],"present":false}})");
  EXPECT_THAT(mine_changes(before, after, "x"),
              ElementsAre(R"({"act":"remove","id":"c","fun":"x"})", R"({"act":"change","id":"b","fun":"x","value":2,"present":true})",
                          R"({"act":"add","id":"d","fun":"x","value":[1],"present":false})"));
  EXPECT_THAT(mine_changes(after, after, "x"), IsEmpty());
}

TEST(MineWatch, PresenceIsAChange) {
  EXPECT_THAT(mine_changes(entries(R"({"a":{"value":1,"present":true}})"), entries(R"({"a":{"value":1,"present":false}})"), "x"),
              ElementsAre(R"({"act":"change","id":"a","fun":"x","value":1,"present":false})"));
}

TEST(MineWatch, ATemplateIsGivenWhoIsPresentAndWhoIsNot) {
  const Json data =
      template_data(entries(R"({"a":{"value":1,"present":true},"b":{"value":2,"present":false},"c":{"value":3,"present":true}})"), "x");
  EXPECT_EQ(
      Template::parse("{{#entries}}{{id}}={{value}}{{^last}},{{/last}}{{/entries}} {{#absent}}{{id}}{{/absent}} {{fun}}")->render(data),
      "a=1,c=3 b x");
}

// A master that gives these answers one after the other; Ctrl-C comes behind the last.
class MineWatchRun : public testing::Test {
 protected:
  int run(MineWatch watch) {
    watch.target = "*";
    watch.name = "x";
    terminal.interrupt = interrupt.get();
    const MineWatchParts parts{[this](const std::string& runner, const std::string& arguments) -> Result<RunnerAnswer> {
                                 asked.push_back(runner + " " + arguments);
                                 RunnerAnswer answer = std::move(answers.front());
                                 answers.pop_front();
                                 if (answers.empty()) ::eventfd_write(interrupt.get(), 1);
                                 return answer;
                               },
                               [this](milliseconds longest) -> Result<std::optional<net::Event>> {
                                 clock.advance(longest);
                                 if (longest == milliseconds(0)) return std::optional<net::Event>();
                                 return std::optional(net::Event{"brine/mine/change", R"({"fun":"x"})"});
                               },
                               clock};
    return watch_mine(watch, parts, terminal);
  }
  void answer(const char* json) { answers.emplace_back(Json::parse(json)); }

  FakeClock clock;
  FakeTerminal terminal;
  const Fd interrupt{::eventfd(0, EFD_CLOEXEC)};
  std::deque<RunnerAnswer> answers;
  std::vector<std::string> asked;
  TemporaryFolder folder;
};

TEST_F(MineWatchRun, ShowsWhatIsThereAndThenWhatChanges) {
  answer(R"({"a":{"value":1,"present":true}})");
  answer(R"({"a":{"value":2,"present":true}})");
  answer(R"({})");
  EXPECT_EQ(run({}), kSucceeded);
  EXPECT_EQ(terminal.shown_out,
            "{\"act\":\"add\",\"id\":\"a\",\"fun\":\"x\",\"value\":1,\"present\":true}\n"
            "{\"act\":\"change\",\"id\":\"a\",\"fun\":\"x\",\"value\":2,\"present\":true}\n"
            "{\"act\":\"remove\",\"id\":\"a\",\"fun\":\"x\"}\n");
  EXPECT_THAT(asked.at(0), HasSubstr(R"({"tgt":"*","fun":"x","tgt_type":"glob","settled":true})"));
}

TEST_F(MineWatchRun, AMasterThatIsAwayIsWaitedForAndTakesNothingAway) {
  answer(R"({"a":{"value":1,"present":true}})");
  answers.emplace_back(Error{Code::kUnavailable, "no master is listening"});
  answers.emplace_back(Error{Code::kUnavailable, "no master is listening"});
  answer(R"({"a":{"value":1,"present":true}})");
  EXPECT_EQ(run({}), kSucceeded);
  EXPECT_EQ(terminal.shown_out, "{\"act\":\"add\",\"id\":\"a\",\"fun\":\"x\",\"value\":1,\"present\":true}\n");
  EXPECT_EQ(terminal.shown_err, "brine-run: no master is listening; it is waited for\n");
}

TEST_F(MineWatchRun, AWrongTargetEndsIt) {
  answers.emplace_back(Error{Code::kInvalid, "no such target"});
  EXPECT_EQ(run({}), kFunctionFailed);
  EXPECT_THAT(terminal.shown_err, HasSubstr("no such target"));
}

TEST_F(MineWatchRun, EndsAfterSoManyLines) {
  answer(R"({"a":{"value":1,"present":true},"b":{"value":1,"present":true}})");
  answer(R"({})");
  EXPECT_EQ(run({.count = 1}), kSucceeded);
  EXPECT_EQ(asked.size(), 1U);
}

TEST_F(MineWatchRun, ATemplateBecomesAFile) {
  ASSERT_TRUE(create_file(folder / "t", "{{#entries}}{{id}} {{value}}\n{{/entries}}", 0644));
  answer(R"({"a":{"value":1,"present":true},"b":{"value":2,"present":false}})");
  EXPECT_EQ(run({.once = true, .output = {.template_file = folder / "t", .output_file = folder / "out"}}), kSucceeded);
  EXPECT_EQ(*read_file(folder / "out"), "a 1\n");
}

TEST_F(MineWatchRun, ATemplateThatIsWrongEndsItBeforeAnythingIsAsked) {
  ASSERT_TRUE(create_file(folder / "t", "{{#entries}}", 0644));
  EXPECT_EQ(run({.output = {.template_file = folder / "t", .output_file = folder / "out"}}), kFunctionFailed);
  EXPECT_THAT(terminal.shown_err, HasSubstr("{{#entries}} has no {{/entries}}"));
  EXPECT_THAT(asked, IsEmpty());
}

// ---- the command -----------------------------------------------------------------------------------------------------------

class ReloadCommandTest : public testing::Test {
 protected:
  void run_until_idle(ReloadCommand& command) {
    for (int i = 0; i < 30'000 && !command.idle() && !command.failed(); ++i) {
      clock.advance(milliseconds(1));
      command.poll();
      ::usleep(1'000);
    }
  }
  std::string content() const { return read_file(folder / "ran").value_or(""); }

  FakeClock clock;
  TemporaryFolder folder;
  std::vector<std::string> said;
  const std::string append = "echo ran >> '" + (folder / "ran") + "'";
  const std::function<void(const std::string&)> say = [this](const std::string& text) { said.push_back(text); };
};

TEST_F(ReloadCommandTest, ChangesThatComeTogetherCountAsOne) {
  ReloadCommand command(append, clock, say);
  for (int i = 0; i < 5; ++i) command.request();
  command.poll();
  EXPECT_EQ(content(), "");
  run_until_idle(command);
  EXPECT_EQ(content(), "ran\n");
}

TEST_F(ReloadCommandTest, AChangeWhileItRunsRunsItOnceMore) {
  const std::string gate = folder / "gate";
  ReloadCommand command("while [ ! -e '" + gate + "' ]; do sleep 0.01; done; " + append, clock, say);
  command.request();
  clock.advance(ReloadCommand::kTogether);
  command.poll();
  command.request();
  clock.advance(ReloadCommand::kTogether);
  command.poll();
  EXPECT_EQ(content(), "");  // neither the second before the first has ended
  ASSERT_TRUE(create_file(gate, "", 0600));
  run_until_idle(command);
  EXPECT_EQ(content(), "ran\nran\n");
}

TEST_F(ReloadCommandTest, OneThatFailsIsSaidAndRunAgain) {
  ReloadCommand command(append + "; test -e '" + (folder / "good") + "'", clock, say);
  command.request();
  run_until_idle(command);
  EXPECT_TRUE(command.failed());
  EXPECT_THAT(said, ElementsAre("the command ended with status 1; it is run again in 1 s"));
  ASSERT_TRUE(create_file(folder / "good", "", 0600));
  clock.advance(ReloadCommand::kAgain);
  command.poll();
  for (int i = 0; i < 30'000 && !command.idle(); ++i) {
    ::usleep(1'000);
    command.poll();
  }
  EXPECT_FALSE(command.failed());
  EXPECT_EQ(content(), "ran\nran\n");
}

TEST_F(ReloadCommandTest, OneThatDoesNotEndIsKilled) {
  ReloadCommand command("sleep 1000 & wait", clock, say);
  command.request();
  clock.advance(ReloadCommand::kTogether);
  command.poll();
  clock.advance(ReloadCommand::kLongest);
  run_until_idle(command);
  EXPECT_THAT(said, ElementsAre("the command has run for 60 s: it is killed", "the command was ended by signal 9; it is run again in 1 s"));
}

}  // namespace
}  // namespace brine::cli
