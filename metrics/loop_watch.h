// Whether the daemon's threads move, and how long a task waits for its turn on each.
//
// Once a second a task goes to each loop; how long it waited is one sample of that loop's lag. A loop whose task has not come back is given
// no second one. Nothing is measured per message.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/duration_histogram.h"
#include "base/result.h"
#include "metrics/registry.h"

namespace brine::metrics {

// Thread-safe, but for look(), which one thread calls. The clock outlives the loops.
class LoopWatch {
 public:
  using Post = std::function<void(std::function<void()>)>;

  explicit LoopWatch(const Clock& clock, milliseconds stalled_after = milliseconds(30'000));

  // A loop that runs what is posted to it; post does not block.
  void add_loop(std::string name, Post post);
  // A thread that takes no tasks: turns() grows while it moves, also when it has nothing to do.
  void add_thread(std::string name, std::function<std::uint64_t()> turns);

  // To be called about once a second by the daemon's main thread, which is itself watched from the first call on.
  void look();

  // kTimeout names the first thread that has not moved for stalled_after.
  Status healthy() const;

  // <prefix>_loop_lag_seconds and <prefix>_loop_stalled_seconds of all that have been added. The watch outlives the registry's last text().
  void declare(Registry& registry, const std::string& prefix) const;

 private:
  struct Watched;
  double stalled_seconds(const Watched& watched) const;
  void look_at(const std::shared_ptr<Watched>& watched, MonoTime now);

  const Clock& clock_;
  const milliseconds stalled_after_;
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<Watched>> watched_;  // guarded by mutex_
  std::atomic<MonoTime> looked_{MonoTime{}};
};

}  // namespace brine::metrics
