#include "store/expected_set.h"

#include <gtest/gtest.h>

namespace brine::store {
namespace {

std::vector<MinionId> ids(std::initializer_list<std::string> texts) {
  std::vector<MinionId> all;
  for (const auto& text : texts) all.push_back(MinionId::trusted(text));
  return all;
}

TEST(ExpectedSet, SurvivesEncodingAndDecoding) {
  for (const auto& list :
       {ids({}), ids({"a"}), ids({"a", "ab", "abc", "b", "web1", "web10"}), ids({std::string(253, 'x'), std::string(253, 'y')})}) {
    const auto set = ExpectedSet::from(list);
    ASSERT_TRUE(set.has_value());
    const auto decoded = ExpectedSet::decode(set->encode());
    ASSERT_TRUE(decoded.has_value());
    EXPECT_EQ(decoded->ids(), list);
  }
}

TEST(ExpectedSet, FindsEachOfItsIdsAndNoOther) {
  const auto set = *ExpectedSet::from(ids({"b", "d", "f"}));
  EXPECT_EQ(set.number_of("b"), 0U);
  EXPECT_EQ(set.number_of("d"), 1U);
  EXPECT_EQ(set.number_of("f"), 2U);
  for (const char* other : {"", "a", "c", "e", "g", "bb"}) EXPECT_FALSE(set.number_of(other).has_value()) << other;
}

TEST(ExpectedSet, CountsFromTheFirstGreaterId) {
  const auto set = *ExpectedSet::from(ids({"b", "d"}));
  EXPECT_EQ(set.number_after(""), 0U);
  EXPECT_EQ(set.number_after("b"), 1U);
  EXPECT_EQ(set.number_after("c"), 1U);
  EXPECT_EQ(set.number_after("d"), 2U);
}

TEST(ExpectedSet, SimilarNamesTakeFewBytes) {
  std::vector<MinionId> many;
  for (int i = 0; i < 10'000; ++i) many.push_back(MinionId::trusted("node-" + std::to_string(100'000 + i) + ".cloud"));
  EXPECT_LT(ExpectedSet::from(many)->encode().size(), 100'000U);
}

TEST(ExpectedSet, RefusesUnsortedRepeatedEmptyAndOverlongIds) {
  for (const auto& list : {ids({"b", "a"}), ids({"a", "a"}), ids({""}), ids({std::string(256, 'x')})}) {
    const auto set = ExpectedSet::from(list);
    ASSERT_FALSE(set.has_value());
    EXPECT_EQ(set.error().code, Code::kInvalid);
  }
}

TEST(ExpectedSet, RecognisesDamagedBytes) {
  const std::string good = ExpectedSet::from(ids({"abc", "abd"}))->encode();
  for (const auto& bad : {good.substr(0, good.size() - 1), good.substr(0, 1), std::string("\x05\x01x", 3), good + "\x01"}) {
    const auto set = ExpectedSet::decode(bad);
    ASSERT_FALSE(set.has_value());
    EXPECT_EQ(set.error().code, Code::kCorrupt);
  }
}

}  // namespace
}  // namespace brine::store
