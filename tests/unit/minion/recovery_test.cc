#include "minion/recovery.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>

#include "base/file.h"
#include "base/log.h"

namespace brine::minion {
namespace {

// Field number 3 and up of /proc/<pid>/stat; "" if there is no such process.
std::string stat_field(pid_t pid, int number) {
  const auto stat = read_file("/proc/" + std::to_string(pid) + "/stat");
  if (!stat) return "";
  std::size_t at = stat->rfind(')');
  for (int field = 2; field < number; ++field) at = stat->find(' ', at) + 1;
  return stat->substr(at, stat->find(' ', at) - at);
}

std::uint64_t ticks_of(pid_t pid) { return std::strtoull(stat_field(pid, 22).c_str(), nullptr, 10); }

bool runs(pid_t pid) {
  const std::string state = stat_field(pid, 3);
  return !state.empty() && state != "Z";
}

// A command as the minion leaves it behind: a leader in a session and group of its own, and a child of the leader. What remains of it
// becomes a child of the test, as it would become one of init; the destructor ends it.
class Leftover {
 public:
  enum class Leader { kStays, kExits };

  explicit Leftover(Leader leader = Leader::kStays, bool own_session = true) {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    int gate[2];
    EXPECT_EQ(::pipe(gate), 0);
    leader_ = ::fork();
    if (leader_ < 0) std::abort();  // kill(-1) would be the end of everything
    if (leader_ == 0) {
      if (own_session)
        ::setsid();
      else
        ::setpgid(0, 0);
      const pid_t child = ::fork();
      if (child == 0) stay();
      static_cast<void>(!::write(ends[1], &child, sizeof child));
      char go = 0;
      static_cast<void>(!::read(gate[0], &go, 1));
      if (leader == Leader::kExits) ::_exit(0);
      stay();
    }
    EXPECT_EQ(::read(ends[0], &child_, sizeof child_), static_cast<ssize_t>(sizeof child_));
    command_ = {leader_, ticks_of(leader_)};
    EXPECT_GT(command_.start_ticks, 0U);
    static_cast<void>(!::write(gate[1], "g", 1));
    for (const int fd : {ends[0], ends[1], gate[0], gate[1]}) ::close(fd);
    if (leader == Leader::kExits) {
      EXPECT_EQ(::waitpid(leader_, nullptr, 0), leader_);
    }
  }
  ~Leftover() {
    for (const pid_t pid : {leader_, child_}) {
      if (pid > 1 && ::getpgid(pid) == leader_) ::kill(pid, SIGKILL);
      ::waitpid(pid, nullptr, 0);
    }
  }
  Leftover(const Leftover&) = delete;
  Leftover& operator=(const Leftover&) = delete;

  pid_t leader() const { return leader_; }
  pid_t child() const { return child_; }
  const StartedCommand& command() const { return command_; }
  StartedCommand with_ticks(std::int64_t more) const { return {command_.pgid, command_.start_ticks + static_cast<std::uint64_t>(more)}; }

 private:
  [[noreturn]] static void stay() {
    while (true) ::pause();
  }

  pid_t leader_ = 0;
  pid_t child_ = 0;
  StartedCommand command_;
};

class Recovery : public testing::Test {
 protected:
  Recovery() { EXPECT_TRUE(log::open("recovery_test", log::Level::kQuiet, "")); }
};

TEST_F(Recovery, NothingOfTheGroupRunsAfterwards) {
  const Leftover left;
  ASSERT_TRUE(runs(left.leader()) && runs(left.child()));
  kill_leftover_commands({left.command()});
  EXPECT_FALSE(runs(left.leader()));
  EXPECT_FALSE(runs(left.child()));
}

TEST_F(Recovery, SeveralCommandsAreKilledAndOthersAreNot) {
  const Leftover first;
  const Leftover second;
  const Leftover bystander;
  kill_leftover_commands({first.command(), second.command()});
  EXPECT_FALSE(runs(first.child()));
  EXPECT_FALSE(runs(second.child()));
  EXPECT_TRUE(runs(bystander.leader()) && runs(bystander.child()));
}

TEST_F(Recovery, ANumberThatAnotherProcessHasByNowIsLeftAlone) {
  const Leftover other;
  for (const std::int64_t more : {-1, 1, -1'000}) kill_leftover_commands({other.with_ticks(more)});
  EXPECT_TRUE(runs(other.leader()));
  EXPECT_TRUE(runs(other.child()));
}

TEST_F(Recovery, WhatALeaderThatHasGoneLeftBehindIsKilled) {
  const Leftover left(Leftover::Leader::kExits);
  ASSERT_FALSE(runs(left.leader()));
  ASSERT_TRUE(runs(left.child()));
  kill_leftover_commands({left.command()});
  EXPECT_FALSE(runs(left.child()));
}

TEST_F(Recovery, AGroupThatIsOlderThanTheCommandIsNotItsRest) {
  const Leftover other(Leftover::Leader::kExits);
  kill_leftover_commands({other.with_ticks(1'000'000)});
  EXPECT_TRUE(runs(other.child()));
}

TEST_F(Recovery, AGroupInSomebodysSessionIsNotTheRestOfACommand) {
  const Leftover other(Leftover::Leader::kExits, false);
  kill_leftover_commands({other.command()});
  EXPECT_TRUE(runs(other.child()));
}

TEST_F(Recovery, ACommandWhoseStartTimeWasNotKnownIsLeftAlone) {
  const Leftover other(Leftover::Leader::kExits);
  kill_leftover_commands({StartedCommand{other.leader(), 0}});
  EXPECT_TRUE(runs(other.child()));
}

// In a process of its own, which alone would be hit.
TEST_F(Recovery, TheMinionsOwnGroupIsLeftAlone) {
  const pid_t minion = ::fork();
  ASSERT_GE(minion, 0);
  if (minion == 0) {
    ::setsid();
    kill_leftover_commands({{::getpid(), ticks_of(::getpid())}});
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(minion, &status, 0), minion);
  EXPECT_TRUE(WIFEXITED(status)) << status;
}

TEST_F(Recovery, GroupsThatHaveGoneCostNoTime) {
  StartedCommand gone;
  {
    const Leftover left;
    gone = left.command();
    kill_leftover_commands({gone});
  }
  const auto before = std::chrono::steady_clock::now();
  kill_leftover_commands(std::vector<StartedCommand>(10, gone));
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(2)) << "it did not wait for them";
}

}  // namespace
}  // namespace brine::minion
