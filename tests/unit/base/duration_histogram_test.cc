#include "base/duration_histogram.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace brine {
namespace {

using testing::ElementsAre;

TEST(DurationHistogram, ADurationIsCountedInTheFirstBucketThatHoldsIt) {
  DurationHistogram histogram({microseconds(10), microseconds(100)});
  for (const int value : {0, 10, 11, 100, 101, 5'000'000}) histogram.observe(microseconds(value));
  EXPECT_THAT(histogram.counts(), ElementsAre(2, 2, 2));
  EXPECT_EQ(histogram.sum(), microseconds(5'000'222));
}

TEST(DurationHistogram, NothingIsLostWhenManyThreadsRecord) {
  DurationHistogram histogram({microseconds(1)});
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&histogram, i] {
        for (int n = 0; n < 1'000; ++n) histogram.observe(microseconds(i));
      });
    }
  }
  EXPECT_THAT(histogram.counts(), ElementsAre(2'000, 2'000));
  EXPECT_EQ(histogram.sum(), microseconds(6'000));
}

}  // namespace
}  // namespace brine
