#include "minion/pool.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/thread.h"

namespace brine::minion {

Pool::Pool(std::string name, std::size_t max_threads, std::size_t max_waiting)
    : name_(std::move(name)), max_threads_(std::max<std::size_t>(1, max_threads)), max_waiting_(max_waiting) {}

Pool::~Pool() {
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
    leaving_ = true;
    tasks_.clear();
  }
  task_came_.notify_all();
  threads_.clear();
}

bool Pool::try_run(Task task) {
  {
    std::lock_guard lock(mutex_);
    const std::size_t free = max_threads_ - busy_;
    if (closed_ || tasks_.size() >= free + max_waiting_) return false;
    tasks_.push_back(std::move(task));
    start_thread_if_needed();
  }
  task_came_.notify_one();
  return true;
}

void Pool::start_thread_if_needed() {
  if (idle_ >= tasks_.size() || threads_.size() >= max_threads_) return;
  ++idle_;
  threads_.push_back(start_thread(fmt::format("{}-{}", name_, threads_.size() + 1), [this](std::stop_token) { work(); }));
}

void Pool::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    task_came_.wait(lock, [this] { return !tasks_.empty() || leaving_; });
    if (tasks_.empty()) return;
    Task task = std::move(tasks_.front());
    tasks_.pop_front();
    --idle_;
    ++busy_;
    lock.unlock();
    task();
    task = nullptr;
    lock.lock();
    --busy_;
    ++idle_;
    task_done_.notify_all();
  }
}

bool Pool::stop(milliseconds deadline) {
  std::unique_lock lock(mutex_);
  closed_ = true;
  const bool done = task_done_.wait_for(lock, deadline, [this] { return tasks_.empty() && busy_ == 0; });
  tasks_.clear();
  leaving_ = true;
  task_came_.notify_all();
  return done;
}

std::size_t Pool::threads() const {
  std::lock_guard lock(mutex_);
  return threads_.size();
}

std::size_t Pool::running() const {
  std::lock_guard lock(mutex_);
  return std::min(max_threads_, busy_ + tasks_.size());
}

std::size_t Pool::waiting() const {
  std::lock_guard lock(mutex_);
  return tasks_.size() - std::min(tasks_.size(), max_threads_ - busy_);
}

}  // namespace brine::minion
