#include "minion/running_jobs.h"

#include <signal.h>

#include <algorithm>

namespace brine::minion {

bool RunningJobs::add(const Call& call, UnixMicros started) {
  Entry entry{.job = {.jid = call.jid, .function = call.function, .args = call.args, .kwargs = call.kwargs, .started = started},
              .cancelled = call.cancelled};
  std::lock_guard lock(mutex_);
  return jobs_.emplace(call.jid, std::move(entry)).second;
}

void RunningJobs::remove(const JobId& jid) {
  std::lock_guard lock(mutex_);
  jobs_.erase(jid);
}

bool RunningJobs::begin_command(const JobId& jid, int group) {
  std::lock_guard lock(mutex_);
  const auto it = jobs_.find(jid);
  if (it == jobs_.end()) return true;
  if (it->second.cancelled->load()) return false;
  it->second.job.groups.push_back(group);
  return true;
}

void RunningJobs::end_command(const JobId& jid, int group) {
  std::lock_guard lock(mutex_);
  const auto it = jobs_.find(jid);
  if (it != jobs_.end()) std::erase(it->second.job.groups, group);
}

std::optional<RunningJob> RunningJobs::find(const JobId& jid) const {
  std::lock_guard lock(mutex_);
  const auto it = jobs_.find(jid);
  if (it == jobs_.end()) return std::nullopt;
  return shown(it->second);
}

std::vector<RunningJob> RunningJobs::list() const {
  std::lock_guard lock(mutex_);
  std::vector<RunningJob> all;
  for (const auto& [jid, entry] : jobs_) all.push_back(shown(entry));
  return all;
}

std::optional<std::vector<int>> RunningJobs::signal(const JobId& jid, int number) {
  std::lock_guard lock(mutex_);
  const auto it = jobs_.find(jid);
  if (it == jobs_.end()) return std::nullopt;
  return signal_groups(it->second, number);
}

std::optional<std::vector<int>> RunningJobs::cancel(const JobId& jid, int number) {
  std::lock_guard lock(mutex_);
  const auto it = jobs_.find(jid);
  if (it == jobs_.end()) return std::nullopt;
  it->second.cancelled->store(true);
  return signal_groups(it->second, number);
}

RunningJob RunningJobs::shown(const Entry& entry) {
  RunningJob job = entry.job;
  job.cancelled = entry.cancelled->load();
  return job;
}

std::vector<int> RunningJobs::signal_groups(const Entry& entry, int number) {
  for (const int group : entry.job.groups) kill(-group, number);
  return entry.job.groups;
}

}  // namespace brine::minion
