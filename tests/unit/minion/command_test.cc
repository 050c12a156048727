#include "minion/command.h"

#include <dirent.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "base/file.h"
#include "minion/account.h"

namespace brine::minion {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

CommandSpec shell(std::string line) { return {.argv = {"/bin/sh", "-c", std::move(line)}}; }

CommandResult ran(const CommandSpec& spec, const CommandHooks& hooks = {}) {
  auto result = run_command(spec, hooks);
  EXPECT_TRUE(result) << result.error().message;
  return result ? std::move(*result) : CommandResult{};
}

bool is_alive(int pid) {
  const auto stat = read_file("/proc/" + std::to_string(pid) + "/stat");
  return stat && stat->find(") Z ") == std::string::npos;
}

// Blocks until the process is gone, however long that takes (the test's own deadline ends a failure).
void wait_until_gone(int pid) {
  while (is_alive(pid)) std::this_thread::yield();
}

std::size_t open_descriptors() {
  std::size_t count = 0;
  DIR* folder = opendir("/proc/self/fd");
  while (readdir(folder) != nullptr) ++count;
  closedir(folder);
  return count;
}

class TemporaryFolder {
 public:
  TemporaryFolder() { mkdtemp(path_.data()); }
  ~TemporaryFolder() { std::system(("rm -rf " + path_).c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/brine-command-test-XXXXXX";
};

TEST(Command, BringsBackBothStreamsAndTheExitStatus) {
  const CommandResult result = ran(shell("echo out; echo err >&2; exit 7"));
  EXPECT_EQ(result.output, "out\n");
  EXPECT_EQ(result.errors, "err\n");
  EXPECT_EQ(result.retcode, 7);
  EXPECT_EQ(result.ending, Ending::kExited);
  EXPECT_FALSE(result.left_running);
}

TEST(Command, MergesStreamsInTheOrderWritten) {
  CommandSpec spec = shell("echo 1; echo 2 >&2; echo 3");
  spec.merge_stderr = true;
  EXPECT_EQ(ran(spec).output, "1\n2\n3\n");
}

TEST(Command, CarriesAnyBytes) {
  EXPECT_EQ(ran(shell(R"(printf 'a\000\377b')")).output, std::string("a\0\xff"
                                                                     "b",
                                                                     4));
}

TEST(Command, TellsTheSignalItDiedOf) { EXPECT_EQ(ran(shell("kill -9 $$")).retcode, -9); }

TEST(Command, KeepsTheFirstBytesAndCountsTheRest) {
  CommandSpec spec = shell("head -c 300000 /dev/zero | tr '\\0' x");
  spec.output_max = 1000;
  const std::string output = ran(spec).output;
  EXPECT_THAT(output, StartsWith(std::string(1000, 'x') + "\n"));
  EXPECT_THAT(output, EndsWith("\n[brine: output cut after 1000 bytes, 299000 more dropped]\n"));
}

TEST(Command, CutsBetweenCharacters) {
  CommandSpec spec = shell("printf 'aäää'");
  spec.output_max = 4;
  EXPECT_EQ(ran(spec).output, "aä\n[brine: output cut after 3 bytes, 4 more dropped]\n");
}

TEST(Command, ReadsStandardInputAndOtherwiseNothing) {
  CommandSpec spec = shell("cat");
  spec.input = std::string(200000, 'i') + "\n";
  EXPECT_EQ(ran(spec).output, *spec.input);
  EXPECT_EQ(ran(shell("cat")).output, "");
}

TEST(Command, MayLeaveItsInputUnread) {
  CommandSpec spec = shell("echo done");
  spec.input = std::string(2 << 20, 'i');
  EXPECT_EQ(ran(spec).output, "done\n");
}

TEST(Command, SeesTheGivenVariablesOverThoseOfTheMinion) {
  setenv("BRINE_TEST_A", "minion", 1);
  setenv("BRINE_TEST_B", "minion", 1);
  CommandSpec spec = shell("echo $BRINE_TEST_A $BRINE_TEST_B");
  spec.env["BRINE_TEST_A"] = "given";
  EXPECT_EQ(ran(spec).output, "given minion\n");
}

TEST(Command, SeesOnlyTheGivenVariablesWhenTheEnvironmentIsCleaned) {
  setenv("BRINE_TEST_B", "minion", 1);
  CommandSpec spec{.argv = {"env"}, .env = {{"ONLY", "this"}}, .clean_env = true};
  EXPECT_EQ(ran(spec).output, "ONLY=this\n");
}

TEST(Command, RefusesANameThatCannotNameAVariable) {
  CommandSpec spec = shell("true");
  spec.env["A=B"] = "x";
  EXPECT_THAT(run_command(spec, {}).error().message, HasSubstr("'A=B' cannot name a variable"));
}

TEST(Command, RunsInTheGivenFolder) {
  CommandSpec spec = shell("pwd");
  spec.cwd = "/usr/bin";
  EXPECT_EQ(ran(spec).output, "/usr/bin\n");
}

TEST(Command, SaysWhichFolderIsMissing) {
  CommandSpec spec = shell("true");
  spec.cwd = "/no/such/folder";
  const auto result = run_command(spec, {});
  EXPECT_EQ(result.error().code, Code::kInvalid);
  EXPECT_EQ(result.error().message, "cwd '/no/such/folder' is not a folder on this machine");
}

TEST(Command, SaysWhichProgramIsMissing) {
  EXPECT_THAT(run_command({.argv = {"no-such-program"}}, {}).error().message,
              StartsWith("there is no program 'no-such-program' in PATH ("));
  EXPECT_EQ(run_command({.argv = {"/no/such/program"}}, {}).error().code, Code::kNotFound);
  EXPECT_EQ(run_command({.argv = {"/etc/passwd"}}, {}).error().message, "'/etc/passwd' is not executable");
}

TEST(Command, SaysWhyAProgramCannotBeExecuted) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/empty";
  ASSERT_TRUE(create_file(path, "no interpreter line\n", 0755));
  const auto result = run_command({.argv = {path}}, {});
  EXPECT_EQ(result.error().message, "'" + path + "' is no program and has no #! line");
}

TEST(Command, RefusesNulBytesAndEmptyCommands) {
  EXPECT_THAT(run_command({.argv = {"echo", std::string("a\0b", 3)}}, {}).error().message, HasSubstr("NUL"));
  EXPECT_EQ(run_command({}, {}).error().message, "the command is empty");
}

TEST(Command, HasTheGivenUmask) {
  CommandSpec spec = shell("umask");
  spec.umask = 027;
  EXPECT_EQ(ran(spec).output, "0027\n");
}

TEST(Command, LeadsItsOwnGroupAndSession) {
  const CommandResult result = ran(shell("echo $$; cut -d' ' -f5,6 /proc/$$/stat"));
  const std::string pid = std::to_string(result.pid);
  EXPECT_EQ(result.output, pid + "\n" + pid + " " + pid + "\n");
}

TEST(Command, StartsWithDefaultSignalsAndNoMask) {
  signal(SIGPIPE, SIG_IGN);
  sigset_t blocked;
  sigset_t before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  const std::string output = ran({.argv = {"grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"}}).output;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  signal(SIGPIPE, SIG_DFL);
  EXPECT_EQ(output, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

TEST(Command, InheritsNoDescriptorOfTheMinion) {
  const int leaked = dup(1);  // without O_CLOEXEC
  // ls has its own descriptor for the folder: 0, 1, 2 and 3.
  EXPECT_EQ(ran({.argv = {"ls", "/proc/self/fd"}}).output, "0\n1\n2\n3\n");
  close(leaked);
}

TEST(Command, LeavesNeitherDescriptorsNorZombies) {
  ran(shell("true"));
  const std::size_t before = open_descriptors();
  const CommandResult result = ran(shell("true"));
  (void)run_command({.argv = {"/etc/passwd"}}, {});
  (void)run_command(shell("true"), {.started = [](const StartedCommand&) { return false; }});
  EXPECT_EQ(open_descriptors(), before);
  EXPECT_EQ(waitpid(result.pid, nullptr, WNOHANG), -1);
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "a child is left";
}

TEST(Command, TouchesNoFileOfTheMinionWhenDescriptorsRunOut) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/journal";
  ASSERT_TRUE(create_file(path, "", 0600));
  const pid_t minion = fork();
  if (minion == 0) {
    // Every place below the limit is the journal but those that the pipes of the command need.
    const rlimit limit{64, 64};
    setrlimit(RLIMIT_NOFILE, &limit);
    const int journal = open(path.c_str(), O_WRONLY | O_APPEND);
    for (int fd = 3; fd < 64; ++fd) dup2(journal, fd);
    for (int fd = 50; fd < 59; ++fd) close(fd);
    _exit(run_command(shell("true"), {}) ? 1 : 0);
  }
  int status = -1;
  waitpid(minion, &status, 0);
  EXPECT_EQ(status, 0) << "it ran";
  EXPECT_EQ(read_file(path).value(), "");
}

TEST(CommandGate, ShowsTheCommandBeforeItRuns) {
  const TemporaryFolder folder;
  const std::string proof = folder.path() + "/ran";
  StartedCommand seen;
  bool had_run = true;
  CommandHooks hooks;
  hooks.started = [&](const StartedCommand& command) {
    seen = command;
    had_run = access(proof.c_str(), F_OK) == 0;
    EXPECT_EQ(start_ticks_of(command.pgid), command.start_ticks);
    EXPECT_EQ(getpgid(command.pgid), command.pgid);
    return true;
  };
  const CommandResult result = ran(shell("touch " + proof), hooks);
  EXPECT_FALSE(had_run);
  EXPECT_EQ(seen.pgid, result.pid);
  EXPECT_GT(seen.start_ticks, 0U);
  EXPECT_EQ(access(proof.c_str(), F_OK), 0);
}

TEST(CommandGate, StaysClosedWhenTheRecordCouldNotBeWritten) {
  const TemporaryFolder folder;
  const std::string proof = folder.path() + "/ran";
  int pid = 0;
  CommandHooks hooks;
  hooks.started = [&](const StartedCommand& command) {
    pid = command.pgid;
    return false;
  };
  const auto result = run_command(shell("touch " + proof), hooks);
  EXPECT_EQ(result.error().code, Code::kUnavailable);
  EXPECT_FALSE(is_alive(pid));
  EXPECT_NE(access(proof.c_str(), F_OK), 0);
}

TEST(CommandGate, StaysClosedWhenTheMinionDiesMeanwhile) {
  const TemporaryFolder folder;
  const std::string proof = folder.path() + "/ran";
  std::array<int, 2> told{};
  ASSERT_EQ(pipe(told.data()), 0);
  const pid_t minion = fork();
  if (minion == 0) {
    CommandHooks hooks;
    hooks.started = [&](const StartedCommand& command) {
      if (write(told[1], &command.pgid, sizeof command.pgid) < 0) _exit(2);
      kill(getpid(), SIGKILL);
      return true;
    };
    (void)run_command(shell("touch " + proof), hooks);
    _exit(1);
  }
  int status = 0;
  waitpid(minion, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status));
  int pid = 0;
  ASSERT_EQ(read(told[0], &pid, sizeof pid), static_cast<ssize_t>(sizeof pid));
  wait_until_gone(pid);
  EXPECT_NE(access(proof.c_str(), F_OK), 0);
  close(told[0]);
  close(told[1]);
}

TEST(CommandTimeout, EndsTheWholeGroup) {
  CommandSpec spec = shell("sleep 1000 & echo $!; wait");
  spec.timeout = milliseconds(200);
  const CommandResult result = ran(spec);
  EXPECT_EQ(result.ending, Ending::kTimedOut);
  EXPECT_FALSE(result.killed);
  EXPECT_EQ(result.retcode, -SIGTERM);
  wait_until_gone(std::stoi(result.output));
}

TEST(CommandTimeout, KillsWhatIgnoresTermination) {
  CommandSpec spec = shell("trap '' TERM; (trap '' TERM; sleep 1000; sleep 1000) & echo $!; while :; do sleep 1; done");
  spec.timeout = milliseconds(200);
  const CommandResult result = ran(spec);
  EXPECT_EQ(result.ending, Ending::kTimedOut);
  EXPECT_TRUE(result.killed);
  EXPECT_EQ(result.retcode, -SIGKILL);
  wait_until_gone(std::stoi(result.output));
}

TEST(CommandTimeout, DoesNotTouchACommandThatIsFaster) {
  CommandSpec spec = shell("echo quick");
  spec.timeout = milliseconds(60000);
  EXPECT_EQ(ran(spec).ending, Ending::kExited);
}

TEST(CommandCancelled, EndsTheCommand) {
  std::atomic<bool> cancelled = false;
  CommandHooks hooks;
  hooks.cancelled = &cancelled;
  hooks.started = [&](const StartedCommand&) {
    cancelled = true;
    return true;
  };
  const CommandResult result = ran(shell("sleep 1000"), hooks);
  EXPECT_EQ(result.ending, Ending::kCancelled);
  EXPECT_EQ(result.retcode, -SIGTERM);
}

TEST(CommandBackground, ProcessThatHoldsTheOutputOpenDoesNotHoldTheJob) {
  const CommandResult result = ran(shell("sleep 1000 & echo $!"));
  const int background = std::stoi(result.output);
  EXPECT_TRUE(result.left_running);
  EXPECT_EQ(result.ending, Ending::kExited);
  EXPECT_EQ(result.retcode, 0);
  EXPECT_TRUE(is_alive(background));
  kill(background, SIGKILL);
}

TEST(CommandBackground, ProcessThatLetsGoOfTheOutputIsLeftAlone) {
  const CommandResult result = ran(shell("sleep 1000 >/dev/null 2>&1 & echo $!"));
  const int background = std::stoi(result.output);
  EXPECT_FALSE(result.left_running);
  EXPECT_TRUE(is_alive(background));
  kill(background, SIGKILL);
}

TEST(CommandHooksEnded, AreCalledWhileThePidIsStillTaken) {
  bool taken = false;
  CommandHooks hooks;
  hooks.ended = [&](const StartedCommand& command) { taken = kill(command.pgid, 0) == 0; };
  ran(shell("true"), hooks);
  EXPECT_TRUE(taken);
}

TEST(CommandRunas, UnknownUserIsNamed) {
  CommandSpec spec = shell("true");
  spec.runas = "no-such-user";
  const auto result = run_command(spec, {});
  EXPECT_EQ(result.error().code, Code::kNotFound);
  EXPECT_EQ(result.error().message, "there is no user 'no-such-user' on this machine");
}

class CommandRunasRoot : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
  }
};

TEST_F(CommandRunasRoot, ChangesUserGroupsAndHome) {
  CommandSpec spec = shell("id -un; id -G; echo $HOME $USER $LOGNAME; pwd");
  spec.runas = "nobody";
  const Account nobody = find_account("nobody").value();
  const CommandResult result = ran(spec);
  const std::string cwd = access(nobody.home.c_str(), X_OK) == 0 ? nobody.home : "/";
  EXPECT_EQ(result.output, "nobody\n" + std::to_string(nobody.gid) + "\n" + nobody.home + " nobody nobody\n" + cwd + "\n");
}

TEST_F(CommandRunasRoot, CannotGoBack) {
  CommandSpec spec = shell("grep -E '^(Uid|CapEff)' /proc/self/status");
  spec.runas = "nobody";
  const std::string uid = std::to_string(find_account("nobody")->uid);
  EXPECT_EQ(ran(spec).output, "Uid:\t" + uid + "\t" + uid + "\t" + uid + "\t" + uid + "\nCapEff:\t0000000000000000\n");
}

TEST_F(CommandRunasRoot, SaysWhenTheUserMayNotEnterTheFolder) {
  const TemporaryFolder folder;  // 0700, root's
  CommandSpec spec = shell("true");
  spec.runas = "nobody";
  spec.cwd = folder.path();
  const auto result = run_command(spec, {});
  EXPECT_EQ(result.error().code, Code::kDenied);
  EXPECT_THAT(result.error().message, StartsWith("cannot enter cwd '" + folder.path() + "': "));
}

TEST(Commands, RunSideBySideWithoutHoldingEachOthersPipes) {
  std::vector<std::string> outputs(8);
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      threads.emplace_back([&outputs, i] {
        for (int round = 0; round < 5; ++round) outputs[i] += ran(shell("echo " + std::to_string(i))).output;
      });
    }
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const std::string line = std::to_string(i) + "\n";
    EXPECT_EQ(outputs[i], line + line + line + line + line);
  }
}

}  // namespace
}  // namespace brine::minion
