#include "minion/command_watch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace brine::minion {
namespace {

constexpr milliseconds kKillAfter{2000};       // SIGKILL follows SIGTERM
constexpr milliseconds kBackgroundWait{1000};  // for the end of output that others hold open
constexpr milliseconds kLookInterval{100};     // at cancelled
constexpr milliseconds kExitInterval{20};      // at the process, without a pid descriptor
constexpr std::size_t kReadSize = 64U << 10;

std::optional<MonoTime> deadline_of(const CommandSpec& spec) {
  if (!spec.timeout) return std::nullopt;
  return std::chrono::steady_clock::now() + *spec.timeout;
}

}  // namespace

CommandWatch::CommandWatch(pid_t pid, Fd output, Fd errors, const CommandSpec& spec, const std::atomic<bool>* cancelled)
    : pid_(pid),
      pid_fd_(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))),
      output_{std::move(output), OutputCapture(spec.output_max)},
      errors_{std::move(errors), OutputCapture(spec.output_max)},
      deadline_(deadline_of(spec)),
      cancelled_(cancelled) {
  result_.pid = pid;
}

void CommandWatch::wait_for_end() {
  for (MonoTime now = std::chrono::steady_clock::now(); !finished(now); now = std::chrono::steady_clock::now()) {
    end_if_due(now);
    wait_for_event(now);
    note_exit(std::chrono::steady_clock::now());
  }
  result_.left_running = !streams_ended();
  if (kill_at_) kill(-pid_, SIGKILL);
  const bool died_of_signal = result_.retcode < 0;
  if (result_.ending == Ending::kExited && died_of_signal && is_cancelled()) result_.ending = Ending::kCancelled;
}

bool CommandWatch::finished(MonoTime now) const {
  if (!exited_at_) return false;
  if (streams_ended()) return true;
  return kill_at_ ? result_.killed && now >= *kill_at_ + kBackgroundWait : now >= *exited_at_ + kBackgroundWait;
}

void CommandWatch::end_if_due(MonoTime now) {
  if (kill_at_) {
    if (now >= *kill_at_ && !result_.killed) kill_group();
  } else if (!exited_at_ && deadline_ && now >= *deadline_) {
    end_group(Ending::kTimedOut, now);
  } else if (is_cancelled()) {
    end_group(Ending::kCancelled, now);
  }
}

void CommandWatch::end_group(Ending why, MonoTime now) {
  result_.ending = why;
  kill_at_ = now + kKillAfter;
  kill(-pid_, SIGTERM);
  kill(-pid_, SIGCONT);
}

void CommandWatch::kill_group() {
  result_.killed = true;
  kill(-pid_, SIGKILL);
}

milliseconds CommandWatch::pause(MonoTime now) const {
  milliseconds longest = pid_fd_.valid() || exited_at_ ? kLookInterval : kExitInterval;
  const auto until = [&](MonoTime then) {
    longest = std::min(longest, std::max(milliseconds(0), std::chrono::ceil<milliseconds>(then - now)));
  };
  if (kill_at_ && !result_.killed) until(*kill_at_);
  if (!kill_at_ && deadline_ && !exited_at_) until(*deadline_);
  return longest;
}

void CommandWatch::wait_for_event(MonoTime now) {
  std::array<pollfd, 3> events{
      {{output_.fd.get(), POLLIN, 0}, {errors_.fd.get(), POLLIN, 0}, {exited_at_ ? -1 : pid_fd_.get(), POLLIN, 0}}};
  if (poll(events.data(), events.size(), static_cast<int>(pause(now).count())) <= 0) return;
  if (events[0].revents != 0) read_from(output_);
  if (events[1].revents != 0) read_from(errors_);
}

void CommandWatch::read_from(Stream& stream) {
  std::array<char, kReadSize> buffer;
  const ssize_t got = read(stream.fd.get(), buffer.data(), buffer.size());
  if (got > 0) {
    stream.capture.append({buffer.data(), static_cast<std::size_t>(got)});
  } else if (got == 0 || errno != EINTR) {
    stream.fd.reset();
  }
}

void CommandWatch::note_exit(MonoTime now) {
  if (exited_at_) return;
  siginfo_t info{};
  if (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return;
  exited_at_ = now;
  result_.retcode = info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
}

CommandResult CommandWatch::take_result() {
  result_.output = output_.capture.take();
  result_.errors = errors_.capture.take();
  return std::move(result_);
}

}  // namespace brine::minion
