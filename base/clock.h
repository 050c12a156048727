// Time, as a part that tests replace.
#pragma once

#include <chrono>
#include <cstdint>

namespace brine {

// A point on CLOCK_MONOTONIC; only differences mean anything, and only within one process.
using MonoTime = std::chrono::time_point<std::chrono::steady_clock>;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Microseconds since 1970-01-01 UTC. What travels on the wire and lies in the store.
using UnixMicros = std::int64_t;

// Thread-safe. Wall time may step; nothing that waits may depend on it.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual MonoTime now() const = 0;
  virtual UnixMicros unix_now() const = 0;
};

class SystemClock final : public Clock {
 public:
  MonoTime now() const override { return std::chrono::steady_clock::now(); }
  UnixMicros unix_now() const override {
    return std::chrono::duration_cast<microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  }
};

}  // namespace brine
