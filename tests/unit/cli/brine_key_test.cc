#include "cli/brine_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "cli/exit_status.h"
#include "tests/unit/cli/canned_answers.h"
#include "tests/unit/cli/fake_terminal.h"
#include "tests/unit/cli/scratch_socket.h"

namespace brine::cli {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

using Words = std::vector<std::string>;

constexpr const char* kLists =
    R"({"minions":["old"],"minions_pre":["web2","web1","db"],"minions_rejected":["bad"],"minions_denied":["web1"]})";

class KeyTest : public testing::Test {
 protected:
  KeyTest() {
    master.set("key.list", kLists);
    terminal.in_terminal = true;
  }
  int run(const Words& words) {
    const auto command = read_key_command(words);
    EXPECT_TRUE(command) << command.error().message;
    return run_key_action(*command, master.ask(), terminal);
  }
  static std::string complaint(const Words& words) {
    const auto command = read_key_command(words);
    return command ? "no complaint" : command.error().message;
  }
  // What the master was asked last, if that was not the list.
  std::string change() const {
    return master.asked.back().first == "key.list" ? "nothing" : master.asked.back().first + " " + master.asked.back().second;
  }

  CannedAnswers master;
  FakeTerminal terminal;
};

TEST_F(KeyTest, ListsAllWithoutAnAction) {
  const std::string expected = "Accepted Keys:\nold\nDenied Keys:\nweb1\nUnaccepted Keys:\ndb\nweb1\nweb2\nRejected Keys:\nbad\n";
  EXPECT_EQ(run({}), kSucceeded);
  EXPECT_EQ(terminal.shown_out, expected);
  terminal.shown_out.clear();
  EXPECT_EQ(run({"-L"}), kSucceeded);
  EXPECT_EQ(terminal.shown_out, expected);
}

TEST_F(KeyTest, ListsOneState) {
  const std::vector<std::pair<std::string, std::string>> states{{"acc", "Accepted Keys:\nold\n"},
                                                                {"pre", "Unaccepted Keys:\ndb\nweb1\nweb2\n"},
                                                                {"un", "Unaccepted Keys:\ndb\nweb1\nweb2\n"},
                                                                {"rejected", "Rejected Keys:\nbad\n"},
                                                                {"den", "Denied Keys:\nweb1\n"}};
  for (const auto& [state, expected] : states) {
    terminal.shown_out.clear();
    EXPECT_EQ(run({"-l", state}), kSucceeded);
    EXPECT_EQ(terminal.shown_out, expected);
  }
  EXPECT_THAT(complaint({"-l", "lost"}), HasSubstr("'lost' is no state of keys"));
}

TEST_F(KeyTest, ListInJsonIsTheMastersShape) {
  EXPECT_EQ(run({"-L", "--out", "json"}), kSucceeded);
  EXPECT_EQ(Json::parse(terminal.shown_out)["minions_pre"], Json::parse(R"(["web2","web1","db"])"));
  EXPECT_EQ(Json::parse(terminal.shown_out)["minions_denied"], Json::parse(R"(["web1"])"));
}

TEST_F(KeyTest, AcceptShowsWhatItWillDoAndAsks) {
  terminal.lines = {""};
  master.set("key.accept", R"({"minions":["web1","web2"],"minions_pre":[],"minions_rejected":[],"minions_denied":[]})");
  EXPECT_EQ(run({"-a", "web*"}), kSucceeded);
  EXPECT_EQ(terminal.shown_out,
            "The following keys are going to be accepted:\nUnaccepted Keys:\nweb1\nweb2\n"
            "Key for minion web1 accepted.\nKey for minion web2 accepted.\n");
  EXPECT_THAT(terminal.questions, testing::ElementsAre("Proceed? [n/Y] "));
  EXPECT_EQ(change(), R"(key.accept {"args":[],"kwargs":{"match":"web*","include_denied":false,"include_rejected":false}})");
}

TEST_F(KeyTest, NoMeansThatNothingIsChanged) {
  for (const char* line : {"n", "N", "no", "whatever"}) {
    terminal.lines = {line};
    EXPECT_EQ(run({"-a", "web*"}), kFunctionFailed) << line;
    EXPECT_EQ(change(), "nothing") << line;
  }
}

TEST_F(KeyTest, EndOfInputMeansNo) {
  EXPECT_EQ(run({"-a", "web*"}), kFunctionFailed);
  EXPECT_EQ(change(), "nothing");
}

TEST_F(KeyTest, DeleteNeedsAnExplicitYes) {
  terminal.lines = {""};
  EXPECT_EQ(run({"-d", "old"}), kFunctionFailed);
  EXPECT_EQ(change(), "nothing");
  terminal.lines = {"y"};
  master.set("key.delete", R"({"minions":["old"],"minions_pre":[],"minions_rejected":[],"minions_denied":[]})");
  EXPECT_EQ(run({"-d", "old"}), kSucceeded);
  EXPECT_THAT(terminal.questions, testing::Contains("Proceed? [N/y] "));
  EXPECT_EQ(change(), R"(key.delete {"args":[],"kwargs":{"match":"old"}})");
}

TEST_F(KeyTest, YesAsksNothing) {
  master.set("key.accept", R"({"minions":["db"],"minions_pre":[],"minions_rejected":[],"minions_denied":[]})");
  EXPECT_EQ(run({"-a", "db", "-y"}), kSucceeded);
  EXPECT_THAT(terminal.questions, IsEmpty());
  EXPECT_EQ(terminal.shown_out, "Key for minion db accepted.\n");
}

TEST_F(KeyTest, WithoutATerminalYesMustBeSaid) {
  terminal.in_terminal = false;
  EXPECT_EQ(run({"-A"}), kUsageOrConnection);
  EXPECT_THAT(terminal.shown_err, HasSubstr("say -y"));
  EXPECT_EQ(change(), "nothing");
}

TEST_F(KeyTest, ChangesInJsonAreTheMastersAnswer) {
  const char* answer = R"({"minions":["db"],"minions_pre":[],"minions_rejected":[],"minions_denied":[]})";
  master.set("key.accept", answer);
  EXPECT_EQ(run({"-a", "db", "-y", "--out", "json"}), kSucceeded);
  EXPECT_EQ(Json::parse(terminal.shown_out), Json::parse(answer));
}

TEST_F(KeyTest, IncludeOptionsWidenWhatIsTaken) {
  terminal.lines = {"y", "y"};
  master.set("key.accept", "{}");
  master.set("key.reject", "{}");
  EXPECT_EQ(run({"-A", "--include-all"}), kSucceeded);
  EXPECT_EQ(terminal.shown_out,
            "The following keys are going to be accepted:\nDenied Keys:\nweb1\nUnaccepted Keys:\ndb\nweb1\nweb2\nRejected Keys:\nbad\n");
  EXPECT_EQ(change(), R"(key.accept {"args":[],"kwargs":{"match":"*","include_denied":true,"include_rejected":true}})");
  EXPECT_EQ(run({"-r", "old", "--include-accepted"}), kSucceeded);
  EXPECT_EQ(change(), R"(key.reject {"args":[],"kwargs":{"match":"old","include_denied":false,"include_accepted":true}})");
}

TEST_F(KeyTest, AGlobThatMatchesNothingIsStatusThree) {
  EXPECT_EQ(run({"-a", "mail*", "-y"}), kNoMatch);
  EXPECT_EQ(terminal.shown_err, "The key glob 'mail*' does not match any unaccepted keys.\n");
  EXPECT_EQ(run({"-a", "old", "-y"}), kNoMatch);  // it is accepted already
}

TEST_F(KeyTest, NothingLeftToAcceptIsFineForAcceptAll) {
  master.set("key.list", R"({"minions":["old"],"minions_pre":[],"minions_rejected":[],"minions_denied":[]})");
  EXPECT_EQ(run({"-A", "-y"}), kSucceeded);
  EXPECT_EQ(terminal.shown_out, "The key glob '*' does not match any unaccepted keys.\n");
}

TEST_F(KeyTest, FingerShowsTheMinionsButNotTheMaster) {
  master.set(
      "key.finger",
      R"({"local":{"root.pub":"11:22","master.pub":"33"},"minions":{"web1":"aa:bb"},"minions_pre":{},"minions_rejected":{},"minions_denied":{}})");
  EXPECT_EQ(run({"-f", "web1"}), kSucceeded);
  EXPECT_EQ(terminal.shown_out, "Accepted Keys:\nweb1:  aa:bb\n");
  EXPECT_EQ(change(), R"(key.finger {"args":[],"kwargs":{"match":"web1"}})");
}

TEST_F(KeyTest, FingerAllShowsTheMasterToo) {
  master.set("key.finger", R"({"local":{"root.pub":"11:22","master.pub":"33"},"minions":{"web1":"aa:bb"}})");
  EXPECT_EQ(run({"-F"}), kSucceeded);
  EXPECT_EQ(terminal.shown_out, "Local Keys:\nmaster.pub:  33\nroot.pub:  11:22\nAccepted Keys:\nweb1:  aa:bb\n");
}

TEST_F(KeyTest, FingerInJsonHasEveryState) {
  master.set("key.finger", R"({"local":{"root.pub":"1"},"minions":{"web1":"aa"},"minions_pre":{}})");
  EXPECT_EQ(run({"-f", "web1", "--out", "json"}), kSucceeded);
  EXPECT_EQ(Json::parse(terminal.shown_out), Json::parse(R"({"local":{},"minions":{"web1":"aa"},"minions_pre":{}})"));
}

TEST_F(KeyTest, PrintOfAnUnknownIdIsStatusThree) {
  master.set("key.print", R"({"local":{"root.pub":"x"},"minions":{}})");
  EXPECT_EQ(run({"-p", "nobody"}), kNoMatch);
}

TEST_F(KeyTest, ErrorsOfTheMasterAreStatusOneAndNoMasterIsFour) {
  master.set("key.list", RunnerAnswer(Error{Code::kUnavailable, "the store is away"}));
  EXPECT_EQ(run({"-L"}), kFunctionFailed);
  EXPECT_EQ(terminal.shown_err, "brine-key: the store is away\n");
  master.set("key.list", RunnerAnswer(Error{Code::kDenied, "user x is not an operator"}));
  EXPECT_EQ(run({"-L"}), kUsageOrConnection);
  EXPECT_EQ(run({"-F"}), kUsageOrConnection);  // nobody answers that here
}

TEST_F(KeyTest, ANewTokenIsPrintedAlone) {
  master.set("key.token_create", R"({"id":"i","token":"i.s","uses":3,"expires":1790000000})");
  EXPECT_EQ(run({"--token-create", "--uses", "3", "--expires", "24h", "--ephemeral", "--id", "web*"}), kSucceeded);
  EXPECT_EQ(terminal.shown_out, "i.s\n");
  EXPECT_EQ(terminal.shown_err, "");
  const Json asked = Json::parse(master.asked.back().second)["kwargs"];
  EXPECT_EQ(asked, Json::parse(R"({"uses":3,"expires":"86400000ms","ephemeral":true,"match":"web*"})"));
}

TEST_F(KeyTest, OnATerminalANewTokenComesWithWhatItIsGoodFor) {
  master.set("key.token_create", R"({"id":"i","token":"i.s","uses":1,"expires":1790000000})");
  terminal.out_terminal = true;
  EXPECT_EQ(run({"--token-create"}), kSucceeded);
  EXPECT_EQ(terminal.shown_out, "i.s\n");
  EXPECT_EQ(terminal.shown_err, "Shown this once. It lets in one minion until 2026-09-21 14:13:20 UTC.\n");
}

TEST_F(KeyTest, TokensAreListedAndDeleted) {
  master.set("key.token_list", R"({"i":{"match":"web*","ephemeral":true,"uses":3,"used":1,"expires":1790000000,"state":"good"}})");
  EXPECT_EQ(run({"--token-list"}), kSucceeded);
  EXPECT_EQ(terminal.shown_out, "i: good, 1 of 3 uses, until 2026-09-21 14:13:20 UTC, ids web*, ephemeral\n");
  terminal.shown_out.clear();
  master.set("key.token_delete", R"({"id":"i"})");
  EXPECT_EQ(run({"--token-delete", "i"}), kSucceeded);
  EXPECT_EQ(terminal.shown_out, "Join token i deleted.\n");
  EXPECT_EQ(change(), R"(key.token_delete {"args":[],"kwargs":{"id":"i"}})");
}

TEST_F(KeyTest, WhatATokenIsLikeIsSaidWhenItIsMade) {
  for (const Words& words : {Words{"--uses", "3"}, Words{"--token-list", "--ephemeral"}, Words{"-L", "--id", "web*"}})
    EXPECT_THAT(complaint(words), HasSubstr("go with --token-create"));
  EXPECT_THAT(complaint({"--token-create", "--uses", "0"}), HasSubstr("--uses takes a number of at least 1"));
  EXPECT_THAT(complaint({"--token-create", "--expires", "soon"}), HasSubstr("--expires takes seconds"));
}

TEST_F(KeyTest, QuietPrintsNothing) {
  master.set("key.accept", R"({"minions":["db"]})");
  EXPECT_EQ(run({"-a", "db", "-y", "-q"}), kSucceeded);
  EXPECT_EQ(terminal.shown_out, "");
}

TEST_F(KeyTest, OneActionAtATime) {
  EXPECT_THAT(complaint({"-a", "x", "-d", "x"}), HasSubstr("one action at a time"));
  EXPECT_THAT(complaint({"-a", "web1", "web2"}), HasSubstr("'web2' belongs to no option"));
  EXPECT_EQ(complaint({"--acept", "x"}), "unknown option '--acept'; did you mean --accept?");
}

TEST(GenKeys, MakesFilesThatOthersCannotRead) {
  const ScratchSocket scratch;
  FakeTerminal terminal;
  EXPECT_EQ(run_brine_key(Words{"--gen-keys", "m1", "--gen-keys-dir", scratch.folder()}, terminal), kSucceeded);
  EXPECT_EQ(std::filesystem::status(scratch.folder() + "/m1.key").permissions(), std::filesystem::perms(0600));
  EXPECT_TRUE(std::filesystem::exists(scratch.folder() + "/m1.pub"));
  EXPECT_EQ(run_brine_key(Words{"--gen-keys", "m1", "--gen-keys-dir", scratch.folder()}, terminal), kFunctionFailed);
  EXPECT_EQ(run_brine_key(Words{"--gen-keys", "../m1", "--gen-keys-dir", scratch.folder()}, terminal), kFunctionFailed);
}

}  // namespace
}  // namespace brine::cli
