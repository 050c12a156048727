// What one loop of the swarm counts. Written by its loop only, read by the reporter at any time.
#pragma once

#include <atomic>
#include <cstdint>

namespace brine::loadtest {

// One writer: a plain load and store is enough, and cheaper than an atomic addition.
class Counter {
 public:
  void add(std::int64_t amount) { value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed); }
  void at_least(std::int64_t value) {
    if (value > value_.load(std::memory_order_relaxed)) value_.store(value, std::memory_order_relaxed);
  }
  std::int64_t value() const { return value_.load(std::memory_order_relaxed); }
  // By the reader: a largest value begins anew; one that is written meanwhile may be lost.
  std::int64_t take() { return value_.exchange(0, std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

struct alignas(64) SwarmCounters {
  Counter minions;     // that exist, or wait for their turn in the ramp
  Counter frozen;      // of those: stopped by half_open
  Counter open;        // sessions
  Counter connecting;  // from connect() to the welcome
  Counter connects;
  Counter executed;
  Counter returns_sent;
  Counter acknowledged;
  Counter unacknowledged;  // returns in journals
  Counter handshakes_full;
  Counter handshakes_resumed;
  Counter refused;      // handshakes: busy, or malformed
  Counter lost;         // sessions that ended although the swarm had not ended them
  Counter interrupted;  // jobs that a restart cut off
  Counter errors;       // journals that cannot be opened, and the like
  Counter longest_turn_us;
};

}  // namespace brine::loadtest
