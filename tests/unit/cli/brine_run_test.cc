#include "cli/brine_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include "cli/event_watch.h"
#include "cli/exit_status.h"
#include "tests/unit/cli/canned_answers.h"
#include "tests/unit/cli/fake_master.h"
#include "tests/unit/cli/fake_terminal.h"
#include "tests/unit/cli/scratch_socket.h"

namespace brine::cli {
namespace {

using testing::HasSubstr;
using testing::Pair;

using Words = std::vector<std::string>;

class RunTest : public testing::Test {
 protected:
  int run(const Words& words) {
    const auto command = read_run_command(words);
    EXPECT_TRUE(command) << command.error().message;
    return run_runner(*command, master.ask(), terminal);
  }
  CannedAnswers master;
  FakeTerminal terminal;
};

TEST_F(RunTest, PrintsTheResultByItself) {
  master.set("manage.status", R"({"up":["m1"],"down":[]})");
  EXPECT_EQ(run({"manage.status"}), kSucceeded);
  EXPECT_EQ(terminal.shown_out, "down:\nup:\n    - m1\n");
}

TEST_F(RunTest, SendsWhatWasTyped) {
  master.set("jobs.list_jobs", "{}");
  EXPECT_EQ(run({"jobs.list_jobs", "10", "before=20261123040000000001", "--out", "json"}), kSucceeded);
  EXPECT_THAT(master.asked.at(0), Pair("jobs.list_jobs", R"({"args":[10],"kwargs":{"before":"20261123040000000001"}})"));
  EXPECT_EQ(terminal.shown_out, "{}\n");
}

TEST_F(RunTest, ARunnerThatFailsIsStatusOne) {
  master.set("jobs.lookup", RunnerAnswer(Error{Code::kInvalid, "'jobs.lookup' is not a runner; did you mean jobs.lookup_jid?"}));
  EXPECT_EQ(run({"jobs.lookup", "x"}), kFunctionFailed);
  EXPECT_EQ(terminal.shown_err, "brine-run: 'jobs.lookup' is not a runner; did you mean jobs.lookup_jid?\n");
  EXPECT_EQ(terminal.shown_out, "");
}

TEST_F(RunTest, NoMasterAndNoRightAreStatusFour) {
  EXPECT_EQ(run({"manage.up"}), kUsageOrConnection);
  master.set("manage.up", RunnerAnswer(Error{Code::kDenied, "user x is not an operator"}));
  EXPECT_EQ(run({"manage.up"}), kUsageOrConnection);
}

TEST_F(RunTest, DocAsksForTheDocumentation) {
  master.set("sys.doc", R"({"jobs.active":"jobs.active()\nThe jobs that are open."})");
  EXPECT_EQ(run({"-d", "jobs"}), kSucceeded);
  EXPECT_THAT(master.asked.at(0), Pair("sys.doc", R"({"args":["jobs"],"kwargs":{}})"));
  EXPECT_EQ(terminal.shown_out, "jobs.active:\n    jobs.active()\n    The jobs that are open.\n");
}

TEST(RunCommand, NeedsARunner) { EXPECT_THAT(read_run_command(Words{}).error().message, HasSubstr("brine-run -d lists them")); }

TEST(RunnerRequest, TravelsOverTheOperatorSocket) {
  const ScratchSocket scratch;
  const FakeMaster master(scratch.path(), {[](const wire::OperatorRequest& request) -> std::vector<wire::OperatorReply> {
                            return {wire::RunResult{"[\"" + std::get<wire::Run>(request).function + "\"]"}};
                          }});
  const auto answer = ask_over({scratch.path()}, -1)("manage.up", "{}");
  ASSERT_TRUE(answer);
  EXPECT_EQ(std::get<Json>(*answer), Json::parse(R"(["manage.up"])"));
}

TEST(RunnerRequest, AMasterThatGoesAwayIsSaid) {
  const ScratchSocket scratch;
  const auto silent = [](const wire::OperatorRequest&) { return std::vector<wire::OperatorReply>(); };
  const FakeMaster master(scratch.path(), {silent}, false);
  const auto answer = ask_over({scratch.path()}, -1)("manage.up", "{}");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kUnavailable);
}

TEST(RunnerRequest, TheUserMayStopWaiting) {
  const ScratchSocket scratch;
  const FakeMaster master(scratch.path(), {[](const wire::OperatorRequest&) { return std::vector<wire::OperatorReply>(); }});
  const Fd interrupt(::eventfd(1, EFD_CLOEXEC));
  const auto answer = ask_over({scratch.path()}, interrupt.get())("manage.up", "{}");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kTimeout);
}

// Hands out what it is given, then fails as a bus that is gone.
NextEvent these(std::vector<net::Event> events) {
  return [events = std::move(events), next = std::size_t{0}](milliseconds) mutable -> Result<std::optional<net::Event>> {
    if (next == events.size()) return fail(Code::kUnavailable, "gone");
    return std::optional(events[next++]);
  };
}

TEST(EventWatch, PrintsMatchingEventsUntilTheCount) {
  FakeTerminal terminal;
  const auto next =
      these({{"brine/job/1/new", "{\"a\":1}"}, {"brine/auth", "{}"}, {"brine/job/1/ret/m1", "{}"}, {"brine/job/2/new", "{}"}});
  EXPECT_EQ(watch_events({.tagmatch = "brine/job/*", .count = 2}, next, terminal), kSucceeded);
  EXPECT_EQ(terminal.shown_out, "brine/job/1/new\t{\"a\":1}\nbrine/job/1/ret/m1\t{}\n");
  EXPECT_EQ(terminal.flushes, 2);
}

TEST(EventWatch, PrettyIsIndented) {
  FakeTerminal terminal;
  EXPECT_EQ(watch_events({.count = 1, .pretty = true}, these({{"t", "{\"b\":1,\"a\":[]}"}}), terminal), kSucceeded);
  EXPECT_EQ(terminal.shown_out, "t\t{\n    \"b\": 1,\n    \"a\": []\n}\n");
}

TEST(EventWatch, ABusThatIsGoneIsStatusFour) {
  FakeTerminal terminal;
  EXPECT_EQ(watch_events({}, these({}), terminal), kUsageOrConnection);
  EXPECT_EQ(terminal.shown_err, "brine-run: gone\n");
}

TEST(EventWatch, CtrlCIsItsOrderlyEnd) {
  FakeTerminal terminal;
  const Fd interrupt(::eventfd(1, EFD_CLOEXEC));
  terminal.interrupt = interrupt.get();
  EXPECT_EQ(watch_events({}, these({}), terminal), kSucceeded);
}

TEST(EventWatch, ReadsItsArguments) {
  const auto watch = read_event_watch(*read_function_arguments(Words{"brine/*", "count=3", "pretty=True"}));
  ASSERT_TRUE(watch);
  EXPECT_EQ(watch->tagmatch, "brine/*");
  EXPECT_EQ(watch->count, 3);
  EXPECT_TRUE(watch->pretty);
  EXPECT_THAT(read_event_watch(*read_function_arguments(Words{"cout=3"})).error().message,
              HasSubstr("no parameter 'cout'; usage: state.event("));
  EXPECT_FALSE(read_event_watch(*read_function_arguments(Words{"count=many"})));
}

}  // namespace
}  // namespace brine::cli
