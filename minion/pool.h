// The threads on which execution functions run.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"

namespace brine::minion {

// Bounded twice: so many threads, so many tasks that wait. A thread is started only when a task finds none idle, so a minion with nothing
// to do has none. Thread-safe; stop() and the destructor are for the owner.
class Pool {
 public:
  using Task = std::function<void()>;

  // Threads are called name-1, name-2, ... max_threads is at least 1; max_waiting counts tasks beyond those that run.
  Pool(std::string name, std::size_t max_threads, std::size_t max_waiting);
  // Drops what waits and joins: waits for the tasks that run, however long they take.
  ~Pool();

  // False when so many tasks wait already, or after stop(); the task is then dropped. Tasks do not throw.
  bool try_run(Task task);

  // Takes no more tasks, and waits until those it has taken are done or the deadline has passed; then drops the ones that still wait.
  // False when tasks are left or were dropped. The caller tells running tasks to end.
  bool stop(milliseconds deadline);

  std::size_t threads() const;
  std::size_t waiting() const;
  std::size_t running() const;

 private:
  void work();
  void start_thread_if_needed();

  const std::string name_;
  const std::size_t max_threads_;
  const std::size_t max_waiting_;
  mutable std::mutex mutex_;
  std::condition_variable task_came_;
  std::condition_variable task_done_;
  std::deque<Task> tasks_;  // guarded by mutex_, as are the following
  std::size_t idle_ = 0;
  std::size_t busy_ = 0;
  bool closed_ = false;   // takes no more
  bool leaving_ = false;  // threads end when nothing waits
  std::vector<std::jthread> threads_;
};

}  // namespace brine::minion
