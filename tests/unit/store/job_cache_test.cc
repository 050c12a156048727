#include "store/job_cache.h"

#include <gtest/gtest.h>

namespace brine::store {
namespace {

KnownJob job(PackedJid jid, std::size_t function_bytes) { return {jid, std::string(function_bytes, 'f'), {}}; }

TEST(JobCache, DropsTheJobUsedLongestAgoWhenItIsFull) {
  JobCache cache(30'000);
  cache.put(job(1, 10'000));
  cache.put(job(2, 10'000));
  ASSERT_NE(cache.find(1), nullptr);
  cache.put(job(3, 10'000));
  EXPECT_EQ(cache.find(2), nullptr);
  EXPECT_NE(cache.find(1), nullptr);
  EXPECT_NE(cache.find(3), nullptr);
}

TEST(JobCache, KeepsTheNewestEvenIfItIsLargerThanTheBound) {
  JobCache cache(100);
  cache.put(job(1, 10'000));
  EXPECT_NE(cache.find(1), nullptr);
  cache.put(job(2, 10'000));
  EXPECT_EQ(cache.find(1), nullptr);
}

TEST(JobCache, ForgetsAndReplaces) {
  JobCache cache(100'000);
  cache.put(job(1, 1));
  cache.put(job(1, 2));
  EXPECT_EQ(cache.find(1)->function.size(), 2U);
  cache.forget(1);
  EXPECT_EQ(cache.find(1), nullptr);
  cache.put(job(2, 1));
  cache.clear();
  EXPECT_EQ(cache.find(2), nullptr);
}

}  // namespace
}  // namespace brine::store
