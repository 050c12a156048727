#include "base/task_loop.h"

#include <utility>

#include "base/thread.h"

namespace brine {

TaskLoop::TaskLoop(std::string name, std::size_t capacity) : name_(std::move(name)), capacity_(capacity) {}

TaskLoop::~TaskLoop() { stop(); }

void TaskLoop::start(milliseconds interval, Task tick) {
  thread_ = start_thread(name_, [this, interval, tick = std::move(tick)](std::stop_token) { run(interval, tick); });
}

void TaskLoop::start_by_hand(milliseconds interval, Task tick, const Clock& clock) {
  by_hand_.emplace(clock, interval, std::move(tick), clock.now() + interval);
}

void TaskLoop::turn() {
  std::deque<Task> tasks;
  {
    std::lock_guard lock(mutex_);
    tasks.swap(tasks_);
  }
  for (const Task& task : tasks) task();
  if (const MonoTime now = by_hand_->clock.now(); now >= by_hand_->next_tick) {
    by_hand_->tick();
    by_hand_->next_tick = now + by_hand_->interval;
  }
}

void TaskLoop::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  ready_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool TaskLoop::try_post(Task task) {
  {
    std::lock_guard lock(mutex_);
    if (stopping_ || tasks_.size() >= capacity_) return false;
    tasks_.push_back(std::move(task));
  }
  ready_.notify_one();
  if (wake_) wake_();
  return true;
}

void TaskLoop::post(Task task) {
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return;
    tasks_.push_back(std::move(task));
  }
  ready_.notify_one();
  if (wake_) wake_();
}

std::size_t TaskLoop::depth() const {
  std::lock_guard lock(mutex_);
  return tasks_.size();
}

void TaskLoop::run(milliseconds interval, const Task& tick) {
  MonoTime next_tick = std::chrono::steady_clock::now() + interval;
  while (true) {
    std::deque<Task> tasks;
    {
      std::unique_lock lock(mutex_);
      ready_.wait_until(lock, next_tick, [this] { return !tasks_.empty() || stopping_; });
      if (tasks_.empty() && stopping_) return;
      tasks.swap(tasks_);
    }
    for (const Task& task : tasks) task();
    if (const MonoTime now = std::chrono::steady_clock::now(); now >= next_tick) {
      tick();
      next_tick = now + interval;
    }
  }
}

}  // namespace brine
