#include "minion/command_child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace brine::minion {
namespace {

constexpr int kGate = 3;
constexpr int kReport = 4;
constexpr int kFirstUnused = 5;
constexpr int kNotExecuted = 127;
constexpr rlim_t kMostClosedOneByOne = 65536;  // kernels before 5.9 have no close_range

void report(ChildStage stage, int error) {
  const ChildReport message{stage, error};
  while (write(kReport, &message, sizeof message) < 0 && errno == EINTR) {
  }
}

[[noreturn]] void give_up(ChildStage stage) {
  report(stage, errno);
  _exit(kNotExecuted);
}

void close_from(unsigned first) {
  if (close_range(first, ~0U, 0) == 0) return;
  rlimit limit{};
  const bool known = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < kMostClosedOneByOne;
  const rlim_t end = known ? limit.rlim_cur : kMostClosedOneByOne;
  for (rlim_t fd = first; fd < end; ++fd) close(static_cast<int>(fd));
}

// Puts the five descriptors in their places and closes all others; the gate and the report close at exec.
void place_descriptors(const ChildPlan& plan) {
  const int given[] = {plan.input, plan.output, plan.errors, plan.gate, plan.report};
  int safe[5];
  for (int i = 0; i < 5; ++i) {
    safe[i] = fcntl(given[i], F_DUPFD, 16);
    if (safe[i] < 0) _exit(kNotExecuted);  // no descriptor left: what lies in the places may be the minion's own files
  }
  for (int i = 0; i < 5; ++i) dup2(safe[i], i);
  close_from(kFirstUnused);
  fcntl(kGate, F_SETFD, FD_CLOEXEC);
  fcntl(kReport, F_SETFD, FD_CLOEXEC);
}

void reset_signals() {
  struct sigaction standard{};
  standard.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) sigaction(number, &standard, nullptr);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

void wait_at_gate() {
  char go = 0;
  ssize_t got = 0;
  do {
    got = read(kGate, &go, 1);
  } while (got < 0 && errno == EINTR);
  if (got != 1) _exit(kNotExecuted);
}

void become_user(const ChildPlan& plan) {
  if (!plan.change_user) return;
  if (setgroups(plan.group_count, plan.groups) != 0) give_up(ChildStage::kGroups);
  if (setresgid(plan.gid, plan.gid, plan.gid) != 0) give_up(ChildStage::kGroup);
  if (setresuid(plan.uid, plan.uid, plan.uid) != 0) give_up(ChildStage::kUser);
}

void enter_folder(const ChildPlan& plan) {
  if (chdir(plan.cwd) == 0) return;
  if (plan.cwd_required || chdir("/") != 0) give_up(ChildStage::kFolder);
}

}  // namespace

void run_child(const ChildPlan& plan) {
  place_descriptors(plan);
  setsid();
  reset_signals();
  report(ChildStage::kReady, 0);
  wait_at_gate();
  if (plan.set_umask) umask(plan.umask);
  become_user(plan);
  enter_folder(plan);
  execve(plan.program, plan.argv, plan.envp);
  give_up(ChildStage::kExec);
}

}  // namespace brine::minion
