// The command that `brine-run mine.watch --exec` runs when something has changed: never two at once, changes that come together count as
// one, and one that failed is tried again. Confined to one thread, which calls poll() often.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>

#include "base/clock.h"

namespace brine::cli {

class ReloadCommand {
 public:
  // Run by /bin/sh, in a process group of its own, with its standard output at our standard error. say: for people.
  ReloadCommand(std::string command, const Clock& clock, std::function<void(const std::string&)> say);
  // Waits for one that runs.
  ~ReloadCommand();
  ReloadCommand(const ReloadCommand&) = delete;
  ReloadCommand& operator=(const ReloadCommand&) = delete;

  // Something has changed: it is run a moment later, or after the one that runs now.
  void request();
  // Starts what is due, and takes note of what has ended.
  void poll();
  // Nothing runs, and nothing has been asked for.
  bool idle() const { return pid_ == 0 && !due_; }
  bool failed() const { return failures_ > 0; }

  static constexpr milliseconds kTogether{100};     // changes within this time count as one
  static constexpr milliseconds kLongest{60'000};   // then it is killed
  static constexpr milliseconds kAgain{1'000};      // after a failure, doubled with every further one,
  static constexpr milliseconds kAgainMax{60'000};  // up to this

 private:
  void start();
  void ended(int status);

  const std::string command_;
  const Clock& clock_;
  const std::function<void(const std::string&)> say_;
  std::optional<MonoTime> due_;
  pid_t pid_ = 0;
  MonoTime kill_at_{};
  int failures_ = 0;  // in a row
};

}  // namespace brine::cli
