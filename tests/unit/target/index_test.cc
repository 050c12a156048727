#include "target/index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace brine::target {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

MinionId id(std::string_view text) { return MinionId::parse(text).value(); }
Grains grains(std::string_view json) { return Grains::from_json(json).value(); }

std::vector<MinionId> resolve(const Index& index, Kind kind, std::string_view text) { return index.resolve(parse(kind, text).value()); }

TEST(Index, ResolvesSortedById) {
  Index index;
  for (const char* name : {"web2", "db1", "web10", "web1"}) index.upsert(id(name));
  EXPECT_THAT(resolve(index, Kind::kGlob, "*"), ElementsAre(id("db1"), id("web1"), id("web10"), id("web2")));
  EXPECT_THAT(resolve(index, Kind::kGlob, "web?"), ElementsAre(id("web1"), id("web2")));
  EXPECT_THAT(resolve(index, Kind::kList, "web2,db1,nobody,web2"), ElementsAre(id("db1"), id("web2")));
  EXPECT_THAT(resolve(index, Kind::kGlob, "web10"), ElementsAre(id("web10")));
  EXPECT_THAT(resolve(index, Kind::kGlob, "nobody"), IsEmpty());
  EXPECT_THAT(Index().resolve(parse(Kind::kGlob, "*").value()), IsEmpty());
}

TEST(Index, NamedMinionsMustStillMatch) {
  Index index;
  index.upsert(id("a"), grains(R"({"os":"Debian"})"));
  index.upsert(id("b"), grains(R"({"os":"Fedora"})"));
  EXPECT_THAT(resolve(index, Kind::kCompound, "L@a,b,c and G@os:Debian"), ElementsAre(id("a")));
}

TEST(Index, GrainsAreReplacedAndDropped) {
  Index index;
  index.upsert(id("a"));
  EXPECT_EQ(index.grains(id("a")), nullptr);
  EXPECT_THAT(resolve(index, Kind::kGrain, "os:*"), IsEmpty());
  index.upsert(id("a"), grains(R"({"os":"Debian"})"));
  EXPECT_THAT(resolve(index, Kind::kGrain, "os:Debian"), ElementsAre(id("a")));
  index.upsert(id("a"), grains(R"({"os":"Fedora"})"));
  EXPECT_THAT(resolve(index, Kind::kGrain, "os:Debian"), IsEmpty());
  EXPECT_EQ(index.grains(id("a"))->text("os"), "Fedora");
  index.upsert(id("a"));
  EXPECT_THAT(resolve(index, Kind::kGrain, "os:*"), IsEmpty());
  EXPECT_THAT(resolve(index, Kind::kGlob, "a"), ElementsAre(id("a")));
  EXPECT_EQ(index.size(), 1U);
}

TEST(Index, AnErasedMinionIsGone) {
  Index index;
  index.upsert(id("a"));
  EXPECT_TRUE(index.contains(id("a")));
  EXPECT_TRUE(index.erase(id("a")));
  EXPECT_FALSE(index.erase(id("a")));
  EXPECT_FALSE(index.contains(id("a")));
  EXPECT_EQ(index.grains(id("a")), nullptr);
  EXPECT_THAT(resolve(index, Kind::kGlob, "*"), IsEmpty());
}

TEST(Index, CountsTheMemoryItHolds) {
  Index index;
  const std::size_t empty = index.memory_bytes();
  index.upsert(id("a"), grains(R"({"text":")" + std::string(5'000, 'x') + R"("})"));
  EXPECT_GT(index.memory_bytes(), empty + 5'000);
  EXPECT_LT(index.memory_bytes(), empty + 5'500);
  index.upsert(id("a"));
  EXPECT_LT(index.memory_bytes(), empty + 500);
  index.erase(id("a"));
  EXPECT_EQ(index.memory_bytes(), empty);
}

TEST(Index, ResolvesTenThousand) {
  Index index;
  for (int i = 0; i < 10'000; ++i) {
    index.upsert(id("minion-" + std::to_string(i) + ".example.com"), grains(R"({"os":"Debian","rack":)" + std::to_string(i % 10) + "}"));
  }
  EXPECT_EQ(resolve(index, Kind::kGlob, "*").size(), 10'000U);
  EXPECT_EQ(resolve(index, Kind::kGrain, "rack:3").size(), 1'000U);
  EXPECT_EQ(resolve(index, Kind::kRegex, "minion-\\d\\d\\.").size(), 90U);
  EXPECT_TRUE(std::ranges::is_sorted(resolve(index, Kind::kCompound, "G@rack:1 or *7.example.com")));
}

}  // namespace
}  // namespace brine::target
