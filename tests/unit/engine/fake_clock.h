// A clock that stands still until a test moves it. Thread-safe.
#pragma once

#include <atomic>

#include "base/clock.h"

namespace brine {

// 2026-09-21, a time without meaning.
inline constexpr UnixMicros kStart = 1'790'000'000'000'000;

class FakeClock final : public Clock {
 public:
  MonoTime now() const override { return MonoTime(microseconds(mono_.load())); }
  UnixMicros unix_now() const override { return wall_; }

  void advance(microseconds by) {
    mono_ += by.count();
    wall_ += by.count();
  }
  // The wall clock steps; time as such goes on.
  void set_wall(UnixMicros wall) { wall_ = wall; }

 private:
  std::atomic<std::int64_t> mono_{3'600'000'000};
  std::atomic<UnixMicros> wall_{kStart};
};

}  // namespace brine
