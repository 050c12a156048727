#include "engine/guess_limit.h"

#include <gtest/gtest.h>

namespace brine::engine {
namespace {

constexpr MonoTime kBegin{seconds(1'000)};

GuessLimit three_in_a_minute(std::size_t sources = 4) {
  return GuessLimit({.wrong = 3, .within = seconds(60), .pause = seconds(30), .sources = sources});
}

TEST(GuessLimit, ASourceThatIsWrongTooOftenPauses) {
  GuessLimit limit = three_in_a_minute();
  EXPECT_FALSE(limit.wrong("a", kBegin));
  EXPECT_FALSE(limit.wrong("a", kBegin));
  EXPECT_FALSE(limit.pauses("a", kBegin));
  EXPECT_TRUE(limit.wrong("a", kBegin + seconds(59)));
  EXPECT_TRUE(limit.pauses("a", kBegin + seconds(59)));
  EXPECT_FALSE(limit.pauses("b", kBegin));
}

TEST(GuessLimit, APauseEndsAndTheCountBeginsAnew) {
  GuessLimit limit = three_in_a_minute();
  for (int i = 0; i < 3; ++i) limit.wrong("a", kBegin);
  EXPECT_TRUE(limit.pauses("a", kBegin + seconds(29)));
  EXPECT_FALSE(limit.pauses("a", kBegin + seconds(30)));
  EXPECT_FALSE(limit.wrong("a", kBegin + seconds(31)));
  EXPECT_FALSE(limit.pauses("a", kBegin + seconds(31)));
}

TEST(GuessLimit, WhatWasWrongLongAgoDoesNotCount) {
  GuessLimit limit = three_in_a_minute();
  limit.wrong("a", kBegin);
  limit.wrong("a", kBegin);
  EXPECT_FALSE(limit.wrong("a", kBegin + seconds(60)));
  EXPECT_FALSE(limit.wrong("a", kBegin + seconds(60)));
}

TEST(GuessLimit, ItRemembersABoundedNumberOfSources) {
  GuessLimit limit = three_in_a_minute(2);
  for (int i = 0; i < 3; ++i) limit.wrong("a", kBegin);
  for (int i = 0; i < 3; ++i) limit.wrong("b", kBegin + seconds(1));
  for (int i = 0; i < 100; ++i) limit.wrong("c" + std::to_string(i), kBegin + seconds(2));
  EXPECT_EQ(limit.size(), 2U);
}

TEST(GuessLimit, TheSourceThatIsKnownForLongestMakesRoom) {
  GuessLimit limit = three_in_a_minute(2);
  for (int i = 0; i < 3; ++i) limit.wrong("a", kBegin);
  for (int i = 0; i < 3; ++i) limit.wrong("b", kBegin + seconds(1));
  limit.wrong("c", kBegin + seconds(2));
  EXPECT_FALSE(limit.pauses("a", kBegin + seconds(2)));
  EXPECT_TRUE(limit.pauses("b", kBegin + seconds(2)));
}

}  // namespace
}  // namespace brine::engine
