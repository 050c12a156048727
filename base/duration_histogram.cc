#include "base/duration_histogram.h"

#include <algorithm>
#include <utility>

namespace brine {

DurationHistogram::DurationHistogram(std::vector<microseconds> bounds) : bounds_(std::move(bounds)), counts_(bounds_.size() + 1) {}

void DurationHistogram::observe(microseconds duration) {
  const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), duration) - bounds_.begin();
  counts_[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  sum_us_.fetch_add(duration.count(), std::memory_order_relaxed);
}

std::vector<std::uint64_t> DurationHistogram::counts() const {
  std::vector<std::uint64_t> values;
  values.reserve(counts_.size());
  for (const auto& count : counts_) values.push_back(count.load(std::memory_order_relaxed));
  return values;
}

}  // namespace brine
