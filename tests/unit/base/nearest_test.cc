#include "base/nearest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brine {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::vector<std::string> kKeys = {"interface", "ret_port", "publish_port", "timeout", "id"};

TEST(Nearest, DistanceCountsInsertionsDeletionsReplacementsAndSwaps) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("abc", ""), 3U);
  EXPECT_EQ(edit_distance("", "ab"), 2U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_EQ(edit_distance("intreface", "interface"), 1U);
}

TEST(Nearest, SwappedLettersAreFound) { EXPECT_THAT(nearest_names("intreface", kKeys), ElementsAre("interface")); }

TEST(Nearest, NearestComesFirst) {
  const std::vector<std::string> known = {"cmd.script", "cmd.runs", "cmd.run"};
  EXPECT_THAT(nearest_names("cmd.rum", known), ElementsAre("cmd.run", "cmd.runs"));
}

TEST(Nearest, BeginningOfANameIsEnough) { EXPECT_THAT(nearest_names("pub", kKeys), ElementsAre("publish_port")); }

TEST(Nearest, NothingIsOfferedForAnUnrelatedName) {
  EXPECT_THAT(nearest_names("zzzzzz", kKeys), IsEmpty());
  EXPECT_THAT(nearest_names("", kKeys), IsEmpty());
}

TEST(Nearest, NoMoreThanAskedForAreOffered) {
  const std::vector<std::string> known = {"a1", "a2", "a3", "a4"};
  EXPECT_THAT(nearest_names("a0", known), ElementsAre("a1", "a2", "a3"));
  EXPECT_THAT(nearest_names("a0", known, 1), ElementsAre("a1"));
}

TEST(Nearest, EndlessNamesAreNotCompared) { EXPECT_THAT(nearest_names(std::string(1000, 'x'), {{std::string(1000, 'x')}}), IsEmpty()); }

}  // namespace
}  // namespace brine
