#include "returners/drain.h"

#include <algorithm>
#include <random>

#include "base/crash_point.h"
#include "base/log.h"
#include "base/thread.h"

namespace brine::returners {
namespace {

constexpr milliseconds kIdle{1'000};

}  // namespace

Drain::Drain(std::unique_ptr<Returner> returner, store::StateStore& store, DrainOptions options,
             std::function<bool(const std::string&, std::uint64_t)> keep_position)
    : returner_(std::move(returner)), store_(store), options_(options), keep_position_(std::move(keep_position)) {}

Drain::~Drain() { stop(); }

Status Drain::start() {
  BRINE_LET(position_, store_.returner_position(name()));
  counters_.position = position_;
  thread_ = start_thread("ret-" + name(), [this](const std::stop_token& stop) { run(stop); });
  return {};
}

void Drain::wake() {
  {
    std::lock_guard lock(mutex_);
    woken_ = true;
  }
  ready_.notify_one();
}

void Drain::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void Drain::wait_for_work(const std::stop_token& stop, milliseconds longest) {
  std::unique_lock lock(mutex_);
  ready_.wait_for(lock, stop, longest, [this] { return woken_; });
  woken_ = false;
}

// New entries do not cut it short: a returner that is away is not asked more often because there is more for it.
void Drain::back_off(const std::stop_token& stop, milliseconds time) {
  std::unique_lock lock(mutex_);
  ready_.wait_for(lock, stop, time, [] { return false; });
}

void Drain::run(const std::stop_token& stop) {
  std::minstd_rand random(std::random_device{}());
  while (!stop.stop_requested()) {
    if (deliver_next(stop)) continue;
    if (failures_in_a_row_ == 0) {
      wait_for_work(stop, kIdle);
      continue;
    }
    const auto ceiling =
        std::min<std::int64_t>(options_.retry_most.count(), options_.retry_least.count() << std::min(failures_in_a_row_, 12));
    back_off(stop, milliseconds(std::uniform_int_distribution<std::int64_t>(options_.retry_least.count(), ceiling)(random)));
  }
}

// A store that was exchanged, or whose successor had not got all of it, gives positions again.
void Drain::follow_store_back() {
  const auto usage = store_.outbox_usage();
  if (!usage || usage->end >= position_) return;
  log::warning("returner {}: the outbox ends at {}, before what was delivered: going on from there", name(), usage->end);
  position_ = usage->end;
}

// True if there may be more.
bool Drain::deliver_next(const std::stop_token&) {
  if (options_.ours && !options_.ours()) {
    delivers_ = false;
    return false;
  }
  if (!std::exchange(delivers_, true)) {
    const auto position = store_.returner_position(name());
    if (!position) {
      delivers_ = false;
      return false;
    }
    position_ = std::max(position_, *position);
  }
  const auto entries = store_.outbox_after(position_, options_.batch);
  if (!entries) return false;
  if (entries->empty()) {
    follow_store_back();
    return false;
  }
  if (const auto delivered = returner_->deliver(*entries); !delivered) {
    counters_.failures.fetch_add(1, std::memory_order_relaxed);
    if (failures_in_a_row_++ == 0) log::error("returner {}: {}; it is retried", name(), delivered.error().message);
    return false;
  }
  if (failures_in_a_row_ > 0) log::warning("returner {} is back", name());
  failures_in_a_row_ = 0;
  BRINE_CRASH_POINT("master.after_returner");
  position_ = entries->back().position;
  counters_.delivered.fetch_add(entries->size(), std::memory_order_relaxed);
  counters_.position = position_;
  keep_position_(name(), position_);
  return true;
}

}  // namespace brine::returners
