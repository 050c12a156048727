#include "cli/brine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include "cli/exit_status.h"
#include "tests/unit/cli/fake_master.h"
#include "tests/unit/cli/fake_terminal.h"
#include "tests/unit/cli/replies.h"
#include "tests/unit/cli/scratch_socket.h"

namespace brine::cli {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

using Words = std::vector<std::string>;

BrineCommand read(const Words& words) {
  auto command = read_brine_command(words);
  EXPECT_TRUE(command) << command.error().message;
  return command.value_or(BrineCommand{});
}

std::string complaint(const Words& words) {
  const auto command = read_brine_command(words);
  return command ? "no complaint" : command.error().message;
}

TEST(BrineCommand, ReadsTargetFunctionAndArguments) {
  const BrineCommand command = read({"web*", "cmd.run", "df -h", "cwd=/"});
  EXPECT_EQ(command.target_kind, "glob");
  EXPECT_EQ(command.target, "web*");
  EXPECT_EQ(command.function, "cmd.run");
  EXPECT_EQ(command.arguments, R"({"args":["df -h"],"kwargs":{"cwd":"/"}})");
}

TEST(BrineCommand, OptionsMayFollowAsSaltUsersTypeThem) {
  const BrineCommand command =
      read({"*", "test.ping", "-t", "30", "--out", "json", "--static", "-v", "--subset=3", "--expires", "2h", "--async"});
  EXPECT_EQ(command.timeout, seconds(30));
  EXPECT_EQ(command.output.format, Format::kJson);
  EXPECT_TRUE(command.display.collect);
  EXPECT_TRUE(command.display.verbose);
  EXPECT_TRUE(command.display.detached);
  EXPECT_EQ(command.subset, 3U);
  EXPECT_EQ(command.expires, std::chrono::hours(2));
}

TEST(BrineCommand, EveryKindOfTargetHasItsLetter) {
  const std::vector<std::pair<std::string, std::string>> kinds{
      {"-E", "pcre"},     {"-L", "list"},      {"-G", "grain"},  {"-P", "grain_pcre"}, {"-I", "pillar"},
      {"-C", "compound"}, {"-N", "nodegroup"}, {"-S", "ipcidr"}, {"--grain", "grain"}, {"--pcre", "pcre"}};
  for (const auto& [letter, kind] : kinds) EXPECT_EQ(read({letter, "x", "test.ping"}).target_kind, kind) << letter;
}

TEST(BrineCommand, DelimiterIsOneCharacter) {
  EXPECT_EQ(read({"-G", "--delimiter", "|", "a|b", "test.ping"}).delimiter, "|");
  EXPECT_EQ(complaint({"--delimiter", "::", "a", "test.ping"}), "--delimiter takes one character");
}

TEST(BrineCommand, DocIsSysDoc) {
  const BrineCommand command = read({"m1", "-d", "cmd"});
  EXPECT_EQ(command.function, "sys.doc");
  EXPECT_EQ(command.arguments, R"({"args":["cmd"],"kwargs":{}})");
}

TEST(BrineCommand, SaysWhatIsMissing) {
  EXPECT_EQ(complaint({}), "a target and a function are missing; for example: brine '*' test.ping");
  EXPECT_EQ(complaint({"web*"}), "a function is missing; for example: brine 'web*' test.ping");
  EXPECT_EQ(complaint({"*", "ping"}), "'ping' is not a function: write module.function, as in test.ping");
}

TEST(BrineCommand, RefusesWhatItCannotDo) {
  EXPECT_EQ(complaint({"-b", "10%", "*", "test.ping"}), "--batch is not available in this version");
  EXPECT_THAT(complaint({"*", "test.ping,grains.items"}), HasSubstr("several functions"));
  EXPECT_THAT(complaint({"-G", "-E", "x", "test.ping"}), HasSubstr("only one kind of target"));
  EXPECT_EQ(complaint({"--statik", "*", "test.ping"}), "unknown option '--statik'; did you mean --static?");
}

TEST(BrineCommand, HelpAndVersionNeedNothingElse) {
  EXPECT_THAT(read({"--help"}).answer, HasSubstr("brine '*' test.ping"));
  EXPECT_THAT(read({"--version"}).answer, StartsWith("brine "));
}

class RunJobTest : public testing::Test {
 protected:
  int run(const Words& words, Replies replies) {
    const FakeMaster master(scratch.path(), {[&](const wire::OperatorRequest&) { return replies; }});
    const auto connect = [this] { return net::OperatorClient::connect(scratch.path()); };
    return run_job(read(words), connect, {}, terminal);
  }

  ScratchSocket scratch;
  FakeTerminal terminal;
};

TEST_F(RunJobTest, PrintsReturnsAsTheyCome) {
  EXPECT_EQ(run({"*", "test.ping"}, {accepted(2), returned("m2", "true"), returned("m1", "true"), finished()}), kSucceeded);
  EXPECT_EQ(terminal.shown_out, "m2:\n    True\nm1:\n    True\n");
  EXPECT_EQ(terminal.shown_err, "");
}

TEST_F(RunJobTest, AFailedFunctionIsStatusOne) {
  EXPECT_EQ(run({"*", "cmd.run"}, {accepted(2), returned("m1", "\"no\"", 3), returned("m2", "true"), finished()}), kFunctionFailed);
  EXPECT_EQ(terminal.shown_err, "ERROR: Minions returned with non-zero exit code\n");
}

TEST_F(RunJobTest, AMissingMinionIsStatusTwoAndShownWithItsReason) {
  EXPECT_EQ(run({"*", "test.ping"}, {accepted(3), returned("m1", "\"no\"", 1),
                                     finished({missing("m2", "running", "still running"),
                                               missing("m3", "not_connected", "not connected; the job stays open for it")})}),
            kMinionMissing);
  EXPECT_EQ(terminal.shown_out,
            "m1:\n    no\n"
            "m2:\n    Minion did not return. [Still running]\n"
            "m3:\n    Minion did not return. [Not connected]\n    the job stays open for it\n");
}

TEST_F(RunJobTest, MissingMinionsDoNotSpoilJson) {
  EXPECT_EQ(run({"*", "test.ping", "--out", "json"},
                {accepted(2), returned("m1", "true"), finished({missing("m2", "lost", "its connection was lost")})}),
            kMinionMissing);
  EXPECT_EQ(terminal.shown_out, "{\"m1\":true}\n");
  EXPECT_EQ(terminal.shown_err, "m2: Minion did not return. [Lost] its connection was lost\n");
}

TEST_F(RunJobTest, StaticIsOneObjectAtTheEnd) {
  EXPECT_EQ(run({"*", "test.ping", "--out", "json", "--static"}, {accepted(2), returned("m2", "[1]"), returned("m1", "true"), finished()}),
            kSucceeded);
  EXPECT_EQ(terminal.shown_out, "{\"m1\":true,\"m2\":[1]}\n");
}

TEST_F(RunJobTest, StaticSortsMissingMinionsAmongTheOthers) {
  EXPECT_EQ(run({"*", "test.ping", "-s"}, {accepted(3), returned("m3", "3"), returned("m1", "1"), finished({missing("m2", "lost", "")})}),
            kMinionMissing);
  EXPECT_EQ(terminal.shown_out, "m1:\n    1\nm2:\n    Minion did not return. [Lost]\nm3:\n    3\n");
}

TEST_F(RunJobTest, AsyncPrintsTheJid) {
  EXPECT_EQ(run({"*", "test.ping", "--async"}, {accepted(2)}), kSucceeded);
  EXPECT_EQ(terminal.shown_out, "Executed command with job ID: 20261123040000000001\n");
}

TEST_F(RunJobTest, AsyncInJsonIsAnObject) {
  EXPECT_EQ(run({"*", "test.ping", "--async", "--out", "json"}, {accepted(2)}), kSucceeded);
  EXPECT_EQ(terminal.shown_out, "{\"jid\":\"20261123040000000001\"}\n");
}

TEST_F(RunJobTest, VerboseShowsTheJidWhereItDoesNotSpoilTheOutput) {
  EXPECT_EQ(run({"*", "test.ping", "-v"}, {accepted(0), finished()}), kSucceeded);
  EXPECT_THAT(terminal.shown_out, StartsWith("Executing job with jid 20261123040000000001\n-----"));
  FakeTerminal other;
  std::swap(terminal.shown_out, other.shown_out);
  EXPECT_EQ(run({"*", "test.ping", "-v", "--out", "json"}, {accepted(0), finished()}), kSucceeded);
  EXPECT_EQ(terminal.shown_out, "");
  EXPECT_THAT(terminal.shown_err, StartsWith("Executing job with jid"));
}

TEST_F(RunJobTest, NoMatchIsStatusThree) {
  EXPECT_EQ(run({"x*", "test.ping"},
                {wire::Failure{Code::kNotFound, "No minions matched the target. No command was sent, no jid was assigned."}}),
            kNoMatch);
  EXPECT_EQ(terminal.shown_err, "No minions matched the target. No command was sent, no jid was assigned.\n");
}

TEST_F(RunJobTest, ATargetMistakeIsPrintedWithItsCaret) {
  const std::string message = "')' is missing\n(web*\n^";
  EXPECT_EQ(run({"-C", "(web*", "test.ping"}, {wire::Failure{Code::kInvalid, message}}), kUsageOrConnection);
  EXPECT_EQ(terminal.shown_err, message + "\n");
}

TEST_F(RunJobTest, AMinionThatNoLongerMatchesChangesNothing) {
  wire::MinionReturn value = returned("m1", "null", 1);
  value.state = "no_match";
  EXPECT_EQ(run({"*", "test.ping"}, {accepted(1), value, finished()}), kSucceeded);
  EXPECT_EQ(terminal.shown_out + terminal.shown_err, "");
}

TEST_F(RunJobTest, AnInterruptedJobIsAFailureWithItsName) {
  wire::MinionReturn value = returned("m1", "", 1);
  value.state = "interrupted";
  EXPECT_EQ(run({"*", "cmd.run"}, {accepted(1), value, finished()}), kFunctionFailed);
  EXPECT_EQ(terminal.shown_out, "m1:\n    Interrupted\n");
}

TEST_F(RunJobTest, CtrlCSaysHowToLookTheJobUp) {
  const Fd interrupt(::eventfd(0, EFD_CLOEXEC));
  terminal.interrupt = interrupt.get();
  terminal.ctrl_c_at = "Executing job";
  EXPECT_EQ(run({"*", "test.sleep", "100", "-v"}, {accepted(1)}), kInterrupted);
  EXPECT_THAT(terminal.shown_err, HasSubstr("Exiting gracefully on Ctrl-c\nThis job's jid is: 20261123040000000001\n"));
  EXPECT_THAT(terminal.shown_err, HasSubstr("\nbrine-run jobs.lookup_jid 20261123040000000001\n"));
}

TEST_F(RunJobTest, CtrlCBeforeTheAcceptanceDoesNotPretendToKnow) {
  const Fd interrupt(::eventfd(1, EFD_CLOEXEC));
  terminal.interrupt = interrupt.get();
  EXPECT_EQ(run({"*", "test.ping"}, {}), kInterrupted);
  EXPECT_THAT(terminal.shown_err, HasSubstr("had not accepted the job yet"));
}

TEST_F(RunJobTest, StaticShowsWhatHadComeWhenItIsStopped) {
  const Fd interrupt(::eventfd(0, EFD_CLOEXEC));
  terminal.interrupt = interrupt.get();
  terminal.ctrl_c_at = "Executing job";
  EXPECT_EQ(run({"*", "test.ping", "--static", "--out", "json", "-v"}, {returned("m1", "true"), accepted(2)}), kInterrupted);
  EXPECT_EQ(terminal.shown_out, "{\"m1\":true}\n");
}

TEST(JobPrinter, ProgressIsShownWhileItWaitsAndTakenAwayBeforeOutput) {
  FakeTerminal terminal;
  terminal.err_terminal = true;
  const Printer printer(Format::kNested, Look{});
  JobPrinter shown(printer, {.progress = true}, terminal);
  shown.accepted(accepted(2));
  shown.idle();
  EXPECT_EQ(terminal.shown_err, "\r\x1b[K0 of 2 minions have answered");
  terminal.shown_err.clear();
  shown.returned(returned("m1", "true"));
  EXPECT_EQ(terminal.shown_err, "\r\x1b[K");
}

TEST(JobPrinter, SmallTargetsHaveNoProgressLine) {
  FakeTerminal terminal;
  terminal.err_terminal = terminal.out_terminal = true;
  const Printer printer(Format::kNested, Look{});
  JobPrinter shown(printer, {}, terminal);
  shown.accepted(accepted(99));
  shown.idle();
  EXPECT_EQ(terminal.shown_err, "");
  shown.accepted(accepted(100));
  shown.idle();
  EXPECT_EQ(terminal.shown_err, "\r\x1b[K0 of 100 minions have answered");
}

TEST(RunBrine, WrongUsageIsStatusFour) {
  FakeTerminal terminal;
  EXPECT_EQ(run_brine(Words{"--nonsense"}, terminal), kUsageOrConnection);
  EXPECT_THAT(terminal.shown_err, StartsWith("brine: unknown option '--nonsense'"));
}

TEST(RunBrine, AFolderThatIsNotThereIsStatusFour) {
  FakeTerminal terminal;
  EXPECT_EQ(run_brine(Words{"-c", "/nonexistent/brine", "*", "test.ping"}, terminal), kUsageOrConnection);
  EXPECT_THAT(terminal.shown_err, HasSubstr("/nonexistent/brine"));
}

}  // namespace
}  // namespace brine::cli
