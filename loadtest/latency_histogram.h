// Latencies, counted in buckets whose width is at most 1/64 of their value (after G. Tene's HdrHistogram). 17 KiB, whatever is recorded.
#pragma once

#include <array>
#include <cstdint>

#include "base/clock.h"

namespace brine::loadtest {

class LatencyHistogram {
 public:
  void record(microseconds latency);
  std::uint64_t count() const { return count_; }
  // The upper end of the bucket in which the smallest value lies that is not below this share (0 to 1) of all; 0 of none.
  microseconds quantile(double share) const;
  microseconds max() const { return microseconds(max_); }

 private:
  static constexpr std::uint64_t kSub = 64;  // buckets for each power of two
  static constexpr std::size_t kBuckets = kSub * 34;
  static std::size_t bucket_of(std::uint64_t value);
  static std::uint64_t upper_end(std::size_t bucket);

  std::array<std::uint64_t, kBuckets> buckets_{};
  std::uint64_t count_ = 0;
  std::int64_t max_ = 0;
};

}  // namespace brine::loadtest
