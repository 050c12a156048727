// How often something took how long. Recording is two relaxed additions, so that hot paths may use it.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "base/clock.h"

namespace brine {

// Thread-safe. Neither copied nor moved.
class DurationHistogram {
 public:
  // bounds: the longest duration of each bucket, ascending. What is longer than the last is counted in one more bucket.
  explicit DurationHistogram(std::vector<microseconds> bounds);

  void observe(microseconds duration);

  const std::vector<microseconds>& bounds() const { return bounds_; }
  // One for each bound, and the one more. Each number is exact, but what is recorded meanwhile may be in some and not in others.
  std::vector<std::uint64_t> counts() const;
  microseconds sum() const { return microseconds(sum_us_.load(std::memory_order_relaxed)); }

 private:
  const std::vector<microseconds> bounds_;
  std::vector<std::atomic<std::uint64_t>> counts_;
  std::atomic<std::int64_t> sum_us_{0};
};

}  // namespace brine
