#include "loadtest/latency_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace brine::loadtest {

// Below kSub each value has its own bucket; above, the leading 7 bits choose it.
std::size_t LatencyHistogram::bucket_of(std::uint64_t value) {
  if (value < kSub) return static_cast<std::size_t>(value);
  const int shift = static_cast<int>(std::bit_width(value)) - static_cast<int>(std::bit_width(kSub));
  const std::uint64_t bucket = kSub * static_cast<std::uint64_t>(shift + 1) + (value >> shift) - kSub;
  return static_cast<std::size_t>(std::min<std::uint64_t>(bucket, kBuckets - 1));
}

std::uint64_t LatencyHistogram::upper_end(std::size_t bucket) {
  if (bucket < kSub) return bucket;
  const std::uint64_t shift = bucket / kSub - 1;
  return ((kSub + bucket % kSub + 1) << shift) - 1;
}

void LatencyHistogram::record(microseconds latency) {
  const std::int64_t value = std::max<std::int64_t>(latency.count(), 0);
  ++buckets_[bucket_of(static_cast<std::uint64_t>(value))];
  ++count_;
  max_ = std::max(max_, value);
}

microseconds LatencyHistogram::quantile(double share) const {
  if (count_ == 0) return microseconds(0);
  const auto rank = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_))));
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
    seen += buckets_[bucket];
    if (seen >= rank) return microseconds(std::min(static_cast<std::int64_t>(upper_end(bucket)), max_));
  }
  return max();
}

}  // namespace brine::loadtest
