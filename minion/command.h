// Runs one command of a job and brings back what it wrote.
//
// The command is the leader of its own session and process group, so its process group id is its pid. It exists before it runs: after
// fork it waits at a gate until the journal knows it (CommandHooks::started); if the minion dies meanwhile, it exits without exec.
// It inherits standard input, output and error and no other descriptor, default signal handling, and an empty signal mask.
//
// At its timeout, or when cancelled, its whole group gets SIGTERM; what of it still lives 2 s later, or once the leader is gone and its
// output closed, gets SIGKILL. A command that ends by itself may leave processes in the background: they are left alone, and if they hold
// its output open, reading stops 1 s after the command ended (they then get EPIPE).
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "minion/function.h"

namespace brine::minion {

struct CommandSpec {
  std::vector<std::string> argv;  // argv[0] is looked for in the command's own PATH, see minion/program_path.h
  std::string cwd;                // empty: the home of the user, or / when that cannot be entered
  std::map<std::string, std::string> env;
  bool clean_env = false;            // only env; otherwise env over the environment of the minion
  std::string runas;                 // user name; empty: as the minion
  std::optional<std::string> input;  // standard input; none: /dev/null
  std::optional<mode_t> umask;
  std::optional<milliseconds> timeout;
  bool merge_stderr = false;            // both streams, in the order written, to output
  std::uint64_t output_max = 1U << 20;  // bytes kept of each stream; the rest is read and counted, see minion/output_capture.h
};

enum class Ending { kExited, kTimedOut, kCancelled };

struct CommandResult {
  pid_t pid = 0;
  int retcode = 0;  // exit status, or -N when it died from signal N
  Ending ending = Ending::kExited;
  bool killed = false;        // SIGTERM was not enough: SIGKILL followed after 2 s
  bool left_running = false;  // background processes held its output open when reading stopped
  std::string output;
  std::string errors;  // empty with merge_stderr
};

struct CommandHooks {
  // After fork, before exec. The command runs only when this has returned true.
  std::function<bool(const StartedCommand&)> started = [](const StartedCommand&) { return true; };
  // The command is gone but its ids are not yet free: whoever signals its group must stop doing so before this returns.
  std::function<void(const StartedCommand&)> ended = [](const StartedCommand&) {};
  const std::atomic<bool>* cancelled = nullptr;  // looked at every 100 ms
};

// Blocks until the command has ended. Errors: kInvalid (NUL in an argument, cwd is no folder), kNotFound (program, user), kDenied (not
// executable; runas without being root), kUnavailable (fork, pipes; the gate stayed closed). Any exit status is a result, not an error.
// Thread-safe. A process that the kernel cannot kill (in uninterruptible sleep) keeps the caller waiting.
Result<CommandResult> run_command(const CommandSpec& spec, const CommandHooks& hooks);

// Field 22 of /proc/<pid>/stat: with the pid it names one process of this boot. 0 when there is no such process.
std::uint64_t start_ticks_of(pid_t pid);

}  // namespace brine::minion
