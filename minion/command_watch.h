// The parent's side of a running command: reads its output, ends it at its time, sees it end.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <optional>

#include "base/clock.h"
#include "base/file.h"
#include "minion/command.h"
#include "minion/output_capture.h"

namespace brine::minion {

// One command, watched by one thread. The rules are those of minion/command.h.
class CommandWatch {
 public:
  // errors may be no descriptor. cancelled may be null.
  CommandWatch(pid_t pid, Fd output, Fd errors, const CommandSpec& spec, const std::atomic<bool>* cancelled);

  // Returns when the command has ended; it is then a zombie, for the caller to reap.
  void wait_for_end();
  CommandResult take_result();

 private:
  struct Stream {
    Fd fd;  // closed at its end
    OutputCapture capture;
  };

  bool finished(MonoTime now) const;
  bool streams_ended() const { return !output_.fd.valid() && !errors_.fd.valid(); }
  bool is_cancelled() const { return cancelled_ != nullptr && cancelled_->load(); }
  void wait_for_event(MonoTime now);
  milliseconds pause(MonoTime now) const;
  void read_from(Stream& stream);
  void note_exit(MonoTime now);
  void end_if_due(MonoTime now);
  void end_group(Ending why, MonoTime now);
  void kill_group();

  const pid_t pid_;
  Fd pid_fd_;  // none on kernels before 5.3: then the end is looked for often
  Stream output_;
  Stream errors_;
  const std::optional<MonoTime> deadline_;
  const std::atomic<bool>* const cancelled_;
  std::optional<MonoTime> exited_at_;
  std::optional<MonoTime> kill_at_;  // once SIGTERM was sent
  CommandResult result_;
};

}  // namespace brine::minion
