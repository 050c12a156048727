// What this minion is doing right now: jobs, and the process groups of their commands.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "minion/function.h"

namespace brine::minion {

struct RunningJob {
  JobId jid;
  std::string function;
  std::vector<Json> args;
  std::map<std::string, Json> kwargs;
  UnixMicros started = 0;
  std::vector<int> groups;  // process groups of commands that have not ended
  bool cancelled = false;
};

// Thread-safe. Signals are sent under the lock that end_command() takes, so never to a process group whose id is in use again.
class RunningJobs {
 public:
  // False when the jid is already there. Call::cancelled of the call is what cancel() sets.
  bool add(const Call& call, UnixMicros started);
  void remove(const JobId& jid);

  // False when the job is cancelled: its command must not be let go. An unknown jid (brine-call) is true and not remembered.
  bool begin_command(const JobId& jid, int group);
  void end_command(const JobId& jid, int group);

  std::optional<RunningJob> find(const JobId& jid) const;
  std::vector<RunningJob> list() const;  // in order of jid

  // The groups that were signalled; none when there is no such job.
  std::optional<std::vector<int>> signal(const JobId& jid, int number);
  // Sets Call::cancelled, then signals. The job starts no further command.
  std::optional<std::vector<int>> cancel(const JobId& jid, int number);

 private:
  struct Entry {
    RunningJob job;
    std::shared_ptr<std::atomic<bool>> cancelled;
  };

  static RunningJob shown(const Entry& entry);
  static std::vector<int> signal_groups(const Entry& entry, int number);

  mutable std::mutex mutex_;
  std::map<JobId, Entry> jobs_;  // guarded by mutex_
};

}  // namespace brine::minion
