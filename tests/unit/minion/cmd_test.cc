#include <gmock/gmock.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/file.h"
#include "tests/unit/minion/function_calls.h"

namespace brine::minion {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

class Cmd : public testing::Test {
 protected:
  std::string temporary_file(const std::string& name, std::string_view content, mode_t mode) {
    if (folder_.empty()) {
      folder_ = "/tmp/brine-cmd-test-XXXXXX";
      mkdtemp(folder_.data());
    }
    EXPECT_TRUE(create_file(folder_ + "/" + name, content, mode));
    return folder_ + "/" + name;
  }

  void TearDown() override {
    if (!folder_.empty()) std::system(("rm -rf " + folder_).c_str());
  }

  FunctionCalls minion_;
  std::string folder_;
};

TEST_F(Cmd, RunGivesBothStreamsWithoutBlanksAtTheEnd) { EXPECT_EQ(minion_.text("cmd.run", {"echo a; echo b >&2; echo"}), "a\nb"); }

TEST_F(Cmd, RunKeepsBlanksAtTheEndWhenAsked) { EXPECT_EQ(minion_.text("cmd.run", {"echo a"}, {{"rstrip", false}}), "a\n"); }

TEST_F(Cmd, RunHasTheRetcodeOfTheCommand) {
  EXPECT_EQ(minion_.run("cmd.run", {"exit 3"}).retcode, 3);
  EXPECT_EQ(minion_.run("cmd.run", {"true"}).retcode, 0);
}

TEST_F(Cmd, RetcodeDoesNotCountWhereTheUserSaysSo) {
  EXPECT_EQ(minion_.run("cmd.run", {"exit 3"}, {{"ignore_retcode", true}}).retcode, 0);
  EXPECT_EQ(minion_.run("cmd.run", {"exit 3"}, {{"success_retcodes", {1, 3}}}).retcode, 0);
  EXPECT_EQ(minion_.run("cmd.run", {"exit 4"}, {{"success_retcodes", {1, 3}}}).retcode, 4);
  EXPECT_EQ(minion_.run("cmd.retcode", {"exit 3"}, {{"ignore_retcode", true}}).value, 3);
}

TEST_F(Cmd, RunWrapsBytesThatAreNoText) {
  EXPECT_EQ(minion_.run("cmd.run", {"printf '\\377'"}).value, Json({{"__bytes__", to_base64("\xff")}}));
}

TEST_F(Cmd, RunAllTellsEverythingApart) {
  const Outcome outcome = minion_.run("cmd.run_all", {"echo out; echo err >&2; exit 2"});
  EXPECT_EQ(outcome.value["stdout"], "out");
  EXPECT_EQ(outcome.value["stderr"], "err");
  EXPECT_EQ(outcome.value["retcode"], 2);
  EXPECT_GT(outcome.value["pid"].get<int>(), 0);
  EXPECT_EQ(outcome.retcode, 2);
}

TEST_F(Cmd, RunAllMergesWhenAsked) {
  EXPECT_EQ(minion_.run("cmd.run_all", {"echo out; echo err >&2"}, {{"redirect_stderr", true}}).value["stdout"], "out\nerr");
}

TEST_F(Cmd, RunStdoutAndRunStderrGiveOneStream) {
  EXPECT_EQ(minion_.text("cmd.run_stdout", {"echo out; echo err >&2"}), "out");
  EXPECT_EQ(minion_.text("cmd.run_stderr", {"echo out; echo err >&2"}), "err");
}

TEST_F(Cmd, WithoutShellTheWordsAreTakenAsTheyAre) {
  EXPECT_EQ(minion_.text("cmd.run", {"echo '$HOME'  a | b"}, {{"python_shell", false}}), "$HOME a | b");
  EXPECT_EQ(minion_.text("cmd.run", {Json::array({"echo", "a  b", 5})}), "a  b 5");
  EXPECT_THAT(minion_.text("cmd.run", {"echo 'x"}, {{"python_shell", false}}), StartsWith("cmd.run: cmd: a ' is not closed"));
}

TEST_F(Cmd, ShellAlwaysUsesTheShell) { EXPECT_EQ(minion_.text("cmd.shell", {"echo $((1+1))"}, {{"python_shell", false}}), "2"); }

TEST_F(Cmd, UsesTheShellThatWasAskedFor) {
  EXPECT_EQ(minion_.text("cmd.run", {"echo ${BASH_VERSION:+bash}"}, {{"shell", "/bin/bash"}}), "bash");
  EXPECT_THAT(minion_.text("cmd.run", {"true"}, {{"shell", "/no/shell"}}), HasSubstr("there is no program '/no/shell'"));
}

TEST_F(Cmd, PassesInputFolderVariablesAndUmask) {
  EXPECT_EQ(minion_.text("cmd.run", {"cat; echo $A $B; pwd; umask"},
                         {{"stdin", "in\n"}, {"env", {{"A", "x"}, {"B", 5}}}, {"cwd", "/usr"}, {"umask", 22}}),
            "in\nx 5\n/usr\n0022");
}

TEST_F(Cmd, TakesVariablesAsAListOfMaps) {
  EXPECT_EQ(minion_.text("cmd.run", {"echo $A$B"}, {{"env", Json::parse(R"([{"A": "x"}, {"B": null}])")}}), "x");
  EXPECT_THAT(minion_.text("cmd.run", {"true"}, {{"env", "A=x"}}), StartsWith("cmd.run: env must be a map"));
}

TEST_F(Cmd, PutsAFolderInFrontOfPath) {
  temporary_file("brine-own-program", "#!/bin/sh\necho own\n", 0755);
  EXPECT_EQ(minion_.text("cmd.run", {"brine-own-program"}, {{"prepend_path", folder_}}), "own");
}

TEST_F(Cmd, ResetsTheLocaleUnlessToldOtherwise) {
  setenv("LC_ALL", "C.UTF-8", 1);
  EXPECT_EQ(minion_.text("cmd.run", {"echo $LC_ALL"}), "C");
  EXPECT_EQ(minion_.text("cmd.run", {"echo $LC_ALL"}, {{"reset_system_locale", false}}), "C.UTF-8");
  EXPECT_EQ(minion_.text("cmd.run", {"echo $LC_ALL $LANG"}, {{"env", {{"LANG", "de_DE"}}}}), "C.UTF-8 de_DE");
  unsetenv("LC_ALL");
}

TEST_F(Cmd, CleansTheEnvironmentButForTheLocale) {
  EXPECT_EQ(minion_.text("cmd.run", {"/usr/bin/env | /usr/bin/grep -v -e PWD -e _= | /usr/bin/sort"},
                         {{"clean_env", true}, {"env", {{"A", "x"}}}}),
            "A=x\nLANG=C\nLANGUAGE=C\nLC_ALL=C");
}

TEST_F(Cmd, TimeoutIsToldAfterWhatWasWritten) {
  const Outcome outcome = minion_.run("cmd.run", {"echo begun; sleep 1000"}, {{"timeout", 0.2}});
  EXPECT_EQ(outcome.value, "begun\n[brine: timed out after 0.2 s, ended by SIGTERM]");
  EXPECT_NE(outcome.retcode, 0);
  EXPECT_NE(minion_.run("cmd.run", {"trap 'exit 0' TERM; sleep 1000 & wait"}, {{"timeout", 0.2}, {"ignore_retcode", true}}).retcode, 0);
}

TEST_F(Cmd, OutputIsBoundedByTheMinion) {
  Call call = minion_.call("cmd.run", {"printf '1234567890'"});
  call.output_max = 4;
  EXPECT_EQ(run(minion_.registry, call).value, "1234\n[brine: output cut after 4 bytes, 6 more dropped]");
}

TEST_F(Cmd, RaisesErrorsWhenAsked) {
  const Outcome outcome = minion_.run("cmd.run", {"echo bad; exit 5"}, {{"raise_err", true}});
  EXPECT_EQ(outcome.value, "cmd.run: the command ended with 5: bad");
  EXPECT_EQ(outcome.retcode, kFailed);
}

TEST_F(Cmd, SaysWhatIsWrongWithItsArguments) {
  EXPECT_THAT(minion_.text("cmd.run"), StartsWith("cmd.run: needs 'cmd'\nUsage: cmd.run(cmd, cwd=null, "));
  EXPECT_THAT(minion_.text("cmd.run", {"  "}), StartsWith("cmd.run: cmd is empty"));
  EXPECT_THAT(minion_.text("cmd.run", {"true"}, {{"umask", 99}}), StartsWith("cmd.run: umask must be octal, as in 022, got '99'"));
  EXPECT_THAT(minion_.text("cmd.run", {"true"}, {{"timeout", "soon"}}), StartsWith("cmd.run: timeout must be a number"));
  EXPECT_THAT(minion_.text("cmd.run", {"true"}, {{"cwd", "/nope"}}), StartsWith("cmd.run: cwd '/nope' is not a folder"));
  EXPECT_THAT(minion_.text("cmd.run", {"true"}, {{"time_out", 5}}), HasSubstr("did you mean 'timeout'?"));
}

TEST_F(Cmd, ScriptRunsWithTheInterpreterItNames) {
  const std::string path = temporary_file("s", "#!/bin/sh -e\necho \"$0\" \"$2\"\nfalse\necho not reached\n", 0600);
  const Outcome outcome = minion_.run("cmd.script", {path, "one 'two words'"});
  EXPECT_EQ(outcome.value["stdout"], path + " two words");
  EXPECT_EQ(outcome.value["retcode"], 1);
  EXPECT_EQ(outcome.retcode, 1);
}

TEST_F(Cmd, ScriptWithoutInterpreterRunsInTheShell) {
  EXPECT_EQ(minion_.run("cmd.script", {temporary_file("s", "echo plain $1\n", 0600)}, {{"args", {"x"}}}).value["stdout"], "plain x");
}

TEST_F(Cmd, ScriptNamesWhatItCannotFetch) {
  EXPECT_THAT(minion_.text("cmd.script", {"salt://x.sh"}), HasSubstr("no file server"));
  EXPECT_THAT(minion_.text("cmd.script", {"brine://x.sh"}), HasSubstr("no file server"));
  EXPECT_THAT(minion_.text("cmd.script", {"x.sh"}), HasSubstr("source must be the absolute path"));
  EXPECT_EQ(minion_.run("cmd.script", {"/no/such/script"}).retcode, kFailed);
}

TEST_F(Cmd, ExecCodeRunsCodeAndRemovesItsFile) {
  const std::string path = minion_.text("cmd.exec_code", {"sh", "echo $0"});
  EXPECT_THAT(path, StartsWith("/tmp/brine-code-"));
  EXPECT_NE(access(path.c_str(), F_OK), 0);
  EXPECT_EQ(minion_.text("cmd.exec_code", {"sh -e", "echo $1; false; echo no"}, {{"args", {"arg"}}}), "arg");
  EXPECT_THAT(minion_.text("cmd.exec_code", {"no-such-language", "x"}), HasSubstr("there is no program 'no-such-language'"));
}

TEST_F(Cmd, WhichAndHasExecLookIntoPath) {
  EXPECT_THAT(minion_.text("cmd.which", {"sh"}), EndsWith("/sh"));
  EXPECT_EQ(minion_.run("cmd.which", {"no-such-program"}).value, nullptr);
  EXPECT_EQ(minion_.run("cmd.has_exec", {"sh"}).value, true);
  EXPECT_EQ(minion_.run("cmd.has_exec", {"no-such-program"}).value, false);
}

TEST_F(Cmd, IsNotRepeatableButForLookUps) {
  EXPECT_FALSE(minion_.registry.find("cmd.run")->repeatable);
  EXPECT_FALSE(minion_.registry.find("cmd.script")->repeatable);
  EXPECT_TRUE(minion_.registry.find("cmd.which")->repeatable);
}

TEST_F(Cmd, CommandIsKnownToTheJournalAndAmongTheRunningJobs) {
  Call call = minion_.call("cmd.run", {"echo $$"});
  call.jid = JobId::trusted("20250101000000000000");
  ASSERT_TRUE(minion_.running.add(call, 0));
  int journalled = 0;
  call.command_started = [&](const StartedCommand& command) {
    journalled = command.pgid;
    EXPECT_TRUE(minion_.running.find(call.jid)->groups.empty()) << "signalled before its record was written";
    return true;
  };
  const Outcome outcome = run(minion_.registry, call);
  EXPECT_EQ(outcome.value, std::to_string(journalled));
  EXPECT_TRUE(minion_.running.find(call.jid)->groups.empty());
}

TEST_F(Cmd, CommandDoesNotRunWhenItsRecordCouldNotBeWritten) {
  const std::string proof = temporary_file("proof", "", 0600);
  Call call = minion_.call("cmd.run", {"rm " + proof});
  call.command_started = [](const StartedCommand&) { return false; };
  const Outcome outcome = run(minion_.registry, call);
  EXPECT_EQ(outcome.retcode, kFailed);
  EXPECT_THAT(outcome.value.get<std::string>(), HasSubstr("was not started"));
  EXPECT_EQ(access(proof.c_str(), F_OK), 0);
}

}  // namespace
}  // namespace brine::minion
