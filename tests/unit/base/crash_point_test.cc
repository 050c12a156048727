#include "base/crash_point.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/unit/base/temporary_folder.h"

namespace brine {
namespace {

// Runs a child that passes "test.point" up to `passages` times, with this plan. The child counts its passages in a file.
int run_child(const std::string& plan, const std::string& log, const std::string& passed, int passages) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::setenv("BRINE_CRASH_AT", plan.c_str(), 1);
    ::setenv("BRINE_CRASH_LOG", log.c_str(), 1);
    std::string done;
    for (int i = 0; i < passages; ++i) {
      BRINE_CRASH_POINT("test.other");
      BRINE_CRASH_POINT("test.point");
      done += "x";
      if (!replace_file(passed, done, 0600)) ::_exit(9);
    }
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

bool was_killed(int status) { return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL; }

#ifdef BRINE_CRASH_POINTS

TEST(CrashPoint, DiesAtTheFirstPassageAndLeavesItsNameInTheLog) {
  const TemporaryFolder folder;
  EXPECT_TRUE(was_killed(run_child("test.point", folder / "log", folder / "passed", 3)));
  EXPECT_EQ(read_file(folder / "log"), "test.point\n");
  EXPECT_FALSE(read_file(folder / "passed"));
}

TEST(CrashPoint, DiesAtThePassageThatWasAskedFor) {
  const TemporaryFolder folder;
  EXPECT_TRUE(was_killed(run_child("test.point:3", folder / "log", folder / "passed", 5)));
  EXPECT_EQ(read_file(folder / "log"), "test.point\n");
  EXPECT_EQ(read_file(folder / "passed"), "xx");
}

TEST(CrashPoint, LogKeepsOneLineForEveryDeath) {
  const TemporaryFolder folder;
  EXPECT_TRUE(was_killed(run_child("test.point", folder / "log", folder / "passed", 1)));
  EXPECT_TRUE(was_killed(run_child("test.other", folder / "log", folder / "passed", 1)));
  EXPECT_EQ(read_file(folder / "log"), "test.point\ntest.other\n");
}

#endif

TEST(CrashPoint, OtherNamesAndTooFewPassagesDoNothing) {
  const TemporaryFolder folder;
  for (const char* plan : {"", "test.elsewhere", "test.point:4"}) {
    EXPECT_EQ(run_child(plan, folder / "log", folder / "passed", 3), 0) << plan;
    EXPECT_EQ(read_file(folder / "passed"), "xxx");
    EXPECT_FALSE(read_file(folder / "log")) << plan;
  }
}

}  // namespace
}  // namespace brine
