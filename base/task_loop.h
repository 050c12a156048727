// A thread that runs tasks one after the other: what is confined to it needs no lock.
//
// Thread-safe but where said. Bounded: try_post() refuses when the queue is full and the caller decides. post() is for completions
// of work that was admitted through a bound elsewhere (a ledger entry, a connection); it always takes.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/clock.h"

namespace brine {

class TaskLoop {
 public:
  using Task = std::function<void()>;

  TaskLoop(std::string name, std::size_t capacity);
  ~TaskLoop();

  // tick runs on the loop at least every interval.
  void start(milliseconds interval, Task tick);
  // Without a thread: turn() runs what is queued, and tick when it is due by this clock.
  void start_by_hand(milliseconds interval, Task tick, const Clock& clock);
  void turn();
  // Called behind every post, on the thread that posts: wakes who waits for something else besides. Before anything is posted.
  void set_wake(Task wake) { wake_ = std::move(wake); }
  // Runs what is queued, then ends the thread. Later posts are dropped.
  void stop();

  bool try_post(Task task);
  void post(Task task);
  std::size_t depth() const;
  bool on_this_thread() const { return std::this_thread::get_id() == thread_.get_id(); }

 private:
  struct ByHand {
    const Clock& clock;
    milliseconds interval;
    Task tick;
    MonoTime next_tick;
  };
  void run(milliseconds interval, const Task& tick);

  const std::string name_;
  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<Task> tasks_;  // guarded by mutex_
  bool stopping_ = false;   // guarded by mutex_
  std::optional<ByHand> by_hand_;
  Task wake_;
  std::jthread thread_;
};

}  // namespace brine
