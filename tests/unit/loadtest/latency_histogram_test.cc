#include "loadtest/latency_histogram.h"

#include <gtest/gtest.h>

#include <cmath>

#include <algorithm>
#include <random>
#include <vector>

namespace brine::loadtest {
namespace {

TEST(LatencyHistogram, OfNothingIsNothing) {
  const LatencyHistogram histogram;
  EXPECT_EQ(histogram.quantile(0.5), microseconds(0));
  EXPECT_EQ(histogram.max(), microseconds(0));
}

TEST(LatencyHistogram, SmallValuesAreExact) {
  LatencyHistogram histogram;
  for (int i = 1; i <= 100; ++i) histogram.record(microseconds(i));
  EXPECT_EQ(histogram.quantile(0.5), microseconds(50));
  EXPECT_EQ(histogram.quantile(0.99), microseconds(99));
  EXPECT_EQ(histogram.quantile(1), microseconds(100));
}

TEST(LatencyHistogram, LargeValuesAreRightWithinASixtyFourth) {
  std::mt19937_64 random(3);
  LatencyHistogram histogram;
  std::vector<std::int64_t> values;
  for (int i = 0; i < 20'000; ++i) {
    const auto value = static_cast<std::int64_t>(random() >> (26 + random() % 30));
    values.push_back(value);
    histogram.record(microseconds(value));
  }
  std::ranges::sort(values);
  for (const double share : {0.01, 0.5, 0.9, 0.99, 0.999}) {
    const auto exact = values[static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size()))) - 1];
    EXPECT_GE(histogram.quantile(share).count(), exact);
    EXPECT_LE(histogram.quantile(share).count(), exact + exact / 64 + 1);
  }
  EXPECT_EQ(histogram.max().count(), values.back());
}

TEST(LatencyHistogram, StandsWhatNobodyMeasures) {
  LatencyHistogram histogram;
  histogram.record(microseconds(-5));
  histogram.record(microseconds(INT64_MAX));
  EXPECT_EQ(histogram.quantile(0.5), microseconds(0));
  EXPECT_EQ(histogram.max(), microseconds(INT64_MAX));
  EXPECT_GT(histogram.quantile(1), microseconds(std::chrono::hours(24)));
}

}  // namespace
}  // namespace brine::loadtest
