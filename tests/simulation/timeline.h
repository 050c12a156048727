// Time and chance of a simulation: what happens when, decided by a seed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <utility>

#include "tests/unit/engine/fake_clock.h"

namespace brine::simulation {

class Timeline {
 public:
  explicit Timeline(std::uint64_t seed) : random_(seed) {}

  const FakeClock& clock() const { return clock_; }
  MonoTime now() const { return clock_.now(); }

  void at(MonoTime when, std::function<void()> what) { events_.emplace(std::max(when, now()), std::move(what)); }
  void after(microseconds delay, std::function<void()> what) { at(now() + delay, std::move(what)); }
  // Lets time pass, and what is due happen in its order. What happens may let time pass as well.
  void advance(microseconds by) {
    const MonoTime end = now() + by;
    while (!events_.empty() && events_.begin()->first <= end) {
      auto event = events_.extract(events_.begin());
      advance_to(event.key());
      event.mapped()();
    }
    advance_to(end);
  }

  std::mt19937_64& random() { return random_; }
  std::int64_t between(std::int64_t least,
                       std::int64_t most) {  // both included; not std::uniform_int_distribution, which is free to differ
    return least + static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(most - least + 1));
  }
  milliseconds between(milliseconds least, milliseconds most) { return milliseconds(between(least.count(), most.count())); }
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(random_() % bound); }
  bool chance(int percent) { return below(100) < static_cast<std::size_t>(percent); }

 private:
  void advance_to(MonoTime when) {
    if (when > now()) clock_.advance(std::chrono::duration_cast<microseconds>(when - now()));
  }

  FakeClock clock_;
  std::mt19937_64 random_;
  std::multimap<MonoTime, std::function<void()>> events_;  // of one moment: in the order in which they were added
};

// A machine whose wall clock is ahead, or behind.
class SkewedClock final : public Clock {
 public:
  SkewedClock(const Clock& clock, microseconds ahead) : clock_(clock), ahead_(ahead) {}
  MonoTime now() const override { return clock_.now(); }
  UnixMicros unix_now() const override { return clock_.unix_now() + ahead_.count(); }

 private:
  const Clock& clock_;
  const microseconds ahead_;
};

}  // namespace brine::simulation
