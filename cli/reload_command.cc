#include "cli/reload_command.h"

#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <thread>
#include <utility>

extern char** environ;

namespace brine::cli {
namespace {

constexpr milliseconds kLookEvery{20};
constexpr int kMaxDoublings = 6;

// Signals as a shell would have them.
class SpawnSettings {
 public:
  SpawnSettings() {
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", 0, 0);
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
  }
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;

  posix_spawnattr_t attributes{};
  posix_spawn_file_actions_t actions{};
};

}  // namespace

ReloadCommand::ReloadCommand(std::string command, const Clock& clock, std::function<void(const std::string&)> say)
    : command_(std::move(command)), clock_(clock), say_(std::move(say)) {}

ReloadCommand::~ReloadCommand() {
  due_.reset();
  while (pid_ != 0) {
    poll();
    due_.reset();
    if (pid_ != 0) std::this_thread::sleep_for(kLookEvery);
  }
}

void ReloadCommand::request() {
  if (command_.empty()) return;
  const MonoTime soon = clock_.now() + kTogether;
  due_ = due_ ? std::min(*due_, soon) : soon;
}

void ReloadCommand::poll() {
  if (pid_ != 0) {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      ended(status);
    } else if (clock_.now() >= kill_at_) {
      say_(fmt::format("the command has run for {} s: it is killed", kLongest.count() / 1000));
      ::kill(-pid_, SIGKILL);
      kill_at_ = MonoTime::max();
    }
  }
  if (pid_ == 0 && due_ && clock_.now() >= *due_) start();
}

void ReloadCommand::start() {
  due_.reset();
  const SpawnSettings settings;
  std::string shell = "sh", option = "-c", command = command_;
  char* const words[] = {shell.data(), option.data(), command.data(), nullptr};
  const int error = ::posix_spawn(&pid_, "/bin/sh", &settings.actions, &settings.attributes, words, environ);
  kill_at_ = clock_.now() + kLongest;
  if (error == 0) return;
  pid_ = 0;
  say_(fmt::format("cannot run the command: {}", strerrordesc_np(error)));
  ended(-1);
}

void ReloadCommand::ended(int status) {
  pid_ = 0;
  if (status == 0) {
    failures_ = 0;
    return;
  }
  const milliseconds pause = std::min(kAgainMax, kAgain * (1 << std::min(failures_, kMaxDoublings)));
  ++failures_;
  const std::string how = status == -1        ? "could not be started"
                          : WIFEXITED(status) ? fmt::format("ended with status {}", WEXITSTATUS(status))
                                              : fmt::format("was ended by signal {}", WTERMSIG(status));
  say_(fmt::format("the command {}; it is run again in {} s", how, pause.count() / 1000));
  const MonoTime again = clock_.now() + pause;
  due_ = due_ ? std::min(*due_, again) : again;
}

}  // namespace brine::cli
