#include "engine/grain_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/engine/fakes.h"

namespace brine::engine {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class GrainIndexTest : public testing::Test {
 protected:
  GrainIndexTest() {
    for (const auto id : {"a", "b", "c"}) index.add(minion_id(id));
  }
  std::vector<MinionId> resolve(target::Kind kind, std::string_view text) { return index.resolve(*target::parse(kind, text)); }
  std::vector<MinionId> debians() { return resolve(target::Kind::kGrain, "os:Debian"); }

  GrainIndex index;
};

TEST_F(GrainIndexTest, GrainsKeptForLaterAreThereForATargetThatAsksForThem) {
  index.set_later(minion_id("a"), R"({"os": "Debian"})");
  index.set_later(minion_id("b"), R"({"os": "Fedora"})");
  EXPECT_THAT(debians(), ElementsAre(minion_id("a")));
  EXPECT_FALSE(index.learn(1)) << "nothing was left";
}

TEST_F(GrainIndexTest, CompoundTargetsFindGrainsKeptForLater) {
  index.set_later(minion_id("c"), R"({"os": "Debian"})");
  EXPECT_THAT(resolve(target::Kind::kCompound, "G@os:Debian or a"), ElementsAre(minion_id("a"), minion_id("c")));
}

TEST_F(GrainIndexTest, NamesAreFoundWithoutParsing) {
  index.set_later(minion_id("a"), R"({"os": "Debian"})");
  EXPECT_THAT(resolve(target::Kind::kGlob, "*"), ElementsAre(minion_id("a"), minion_id("b"), minion_id("c")));
  EXPECT_THAT(resolve(target::Kind::kList, "b,a"), ElementsAre(minion_id("a"), minion_id("b")));
  index.set_later(minion_id("b"), "{}");
  EXPECT_TRUE(index.learn(1)) << "both were still to be parsed";
}

TEST_F(GrainIndexTest, LearnsSomeAtATimeUntilNothingIsLeft) {
  for (const auto id : {"a", "b", "c"}) index.set_later(minion_id(id), R"({"os": "Debian"})");
  EXPECT_TRUE(index.learn(2));
  EXPECT_FALSE(index.learn(2));
  EXPECT_THAT(debians(), ElementsAre(minion_id("a"), minion_id("b"), minion_id("c")));
}

TEST_F(GrainIndexTest, NewGrainsAreNotReplacedByOlderOnesThatWait) {
  index.set_later(minion_id("a"), R"({"os": "Debian"})");
  index.set(minion_id("a"), R"({"os": "Fedora"})");
  EXPECT_THAT(debians(), IsEmpty());
}

TEST_F(GrainIndexTest, ErasedMinionsAreGoneWithWhatWaitsForThem) {
  index.set_later(minion_id("a"), R"({"os": "Debian"})");
  index.erase(minion_id("a"));
  index.add(minion_id("a"));
  EXPECT_THAT(debians(), IsEmpty());
}

TEST_F(GrainIndexTest, StrangersHaveNoGrains) {
  index.set_later(minion_id("x"), R"({"os": "Debian"})");
  index.set(minion_id("y"), R"({"os": "Debian"})");
  EXPECT_THAT(debians(), IsEmpty());
}

TEST_F(GrainIndexTest, GrainsThatAreNoJsonLeaveTheMinionWithoutAny) {
  index.set(minion_id("a"), R"({"os": "Debian"})");
  index.set_later(minion_id("a"), "no JSON");
  EXPECT_THAT(debians(), IsEmpty());
  EXPECT_THAT(resolve(target::Kind::kGlob, "a"), ElementsAre(minion_id("a")));
}

}  // namespace
}  // namespace brine::engine
