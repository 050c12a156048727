// Carries the outbox to one returner: reads on from the position the store remembers, hands over batches, retries with full
// jitter while the returner is away, and has the position written down after each batch. A thread of its own per returner; a slow
// or dead returner slows nobody else, the outbox keeps what it has not taken.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "base/clock.h"
#include "returners/returner.h"
#include "store/state_store.h"

namespace brine::returners {

struct DrainOptions {
  std::size_t batch = 1'000;
  milliseconds retry_least{200};
  milliseconds retry_most{30'000};
  // Whether it is this process that delivers, of several that share the store; empty: always. Called on the drain's thread.
  std::function<bool()> ours;
};

struct DrainCounters {
  std::atomic<std::uint64_t> delivered{0};
  std::atomic<std::uint64_t> failures{0};
  std::atomic<std::uint64_t> position{0};
};

class Drain {
 public:
  // keep_position(name, position): has it written to the store; false when that cannot be queued now.
  Drain(std::unique_ptr<Returner> returner, store::StateStore& store, DrainOptions options,
        std::function<bool(const std::string&, std::uint64_t)> keep_position);
  ~Drain();

  Status start();
  // The outbox has grown. Thread-safe.
  void wake();
  // Ends after the batch in hand; what is left waits in the outbox for the next start.
  void stop();
  const std::string& name() const { return returner_->name(); }
  const DrainCounters& counters() const { return counters_; }

 private:
  void run(const std::stop_token& stop);
  bool deliver_next(const std::stop_token& stop);
  void wait_for_work(const std::stop_token& stop, milliseconds longest);
  void follow_store_back();
  void back_off(const std::stop_token& stop, milliseconds time);

  const std::unique_ptr<Returner> returner_;
  store::StateStore& store_;
  const DrainOptions options_;
  const std::function<bool(const std::string&, std::uint64_t)> keep_position_;
  std::uint64_t position_ = 0;
  bool delivers_ = true;  // position_ is that of the store, or further
  int failures_in_a_row_ = 0;
  std::mutex mutex_;
  std::condition_variable_any ready_;
  bool woken_ = false;  // guarded by mutex_
  DrainCounters counters_;
  std::jthread thread_;
};

}  // namespace brine::returners
