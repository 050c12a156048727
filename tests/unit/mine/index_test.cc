#include "mine/index.h"

#include <gmock/gmock.h>

#include "mine/limits.h"

namespace brine::mine {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

MinionId minion(std::string_view id) { return MinionId::trusted(std::string(id)); }

store::MineRecord entry(std::string_view id, std::string name, std::string value, std::string allow = "", UnixMicros changed = 1) {
  return {minion(id), std::move(name), std::move(value), std::move(allow), changed};
}

class MineIndex : public testing::Test {
 protected:
  std::vector<std::pair<std::string, std::string>> read(std::string_view name, std::vector<MinionId> ids, std::string_view reader = "") {
    std::vector<std::pair<std::string, std::string>> found;
    const target::MinionView view{.id = reader};
    index.read(name, ids, reader.empty() ? nullptr : &view,
               [&](const MinionId& id, const Index::Entry& value) { found.emplace_back(id.str(), value.value); });
    return found;
  }

  Index index;
  const std::vector<MinionId> both{minion("a"), minion("b")};
};

TEST_F(MineIndex, APutSaysWhetherItAddsChangesOrRepeats) {
  EXPECT_EQ(index.put(entry("a", "x", "1")), Change::kAdded);
  EXPECT_EQ(index.put(entry("a", "x", "1", "", 2)), Change::kNone);
  EXPECT_EQ(index.find(minion("a"), "x")->changed, 1);
  EXPECT_EQ(index.put(entry("a", "x", "2", "", 3)), Change::kChanged);
  EXPECT_EQ(index.put(entry("a", "x", "2", "glob b", 4)), Change::kChanged);
  EXPECT_EQ(index.find(minion("a"), "x")->changed, 4);
  EXPECT_EQ(index.size(), 1U);
}

TEST_F(MineIndex, AReadGivesTheNameOfTheMinionsAskedFor) {
  index.put(entry("a", "x", "1"));
  index.put(entry("b", "x", "2"));
  index.put(entry("b", "y", "3"));
  index.put(entry("c", "x", "4"));
  EXPECT_THAT(read("x", both), ElementsAre(Pair("a", "1"), Pair("b", "2")));
  EXPECT_THAT(read("y", both), ElementsAre(Pair("b", "3")));
  EXPECT_THAT(read("z", both), IsEmpty());
}

TEST_F(MineIndex, AReaderSeesWhatItMayAndAlwaysItsOwn) {
  index.put(entry("a", "x", "1", "glob web*"));
  index.put(entry("b", "x", "2", "list a"));
  EXPECT_THAT(read("x", both, "web1"), ElementsAre(Pair("a", "1")));
  EXPECT_THAT(read("x", both, "a"), ElementsAre(Pair("a", "1"), Pair("b", "2")));
  EXPECT_THAT(read("x", both, "db1"), IsEmpty());
  EXPECT_THAT(read("x", both), ElementsAre(Pair("a", "1"), Pair("b", "2")));
}

TEST_F(MineIndex, AnAnswerIsOneJsonObjectWithinItsBound) {
  index.put(entry("a", "x", R"({"k":[1]})"));
  index.put(entry("b", "x", "2"));
  EXPECT_EQ(*index.json("x", both, nullptr, 100), R"({"a":{"k":[1]},"b":2})");
  EXPECT_EQ(*index.json("none", both, nullptr, 100), "{}");
  EXPECT_EQ(index.json("x", both, nullptr, 20).error().code, Code::kFull);
}

TEST_F(MineIndex, ChangedAccessHoldsAtOnce) {
  index.put(entry("a", "x", "1", "glob web*"));
  index.put(entry("a", "x", "1", "glob db*"));
  EXPECT_THAT(read("x", both, "web1"), IsEmpty());
  EXPECT_THAT(read("x", both, "db1"), ElementsAre(Pair("a", "1")));
}

TEST_F(MineIndex, ARemovedEntryIsGoneAndItsBytesToo) {
  index.put(entry("a", "x", "12345"));
  index.put(entry("a", "y", "1"));
  EXPECT_EQ(index.remove(minion("a"), "x"), Change::kRemoved);
  EXPECT_EQ(index.remove(minion("a"), "x"), Change::kNone);
  EXPECT_EQ(index.remove(minion("b"), "y"), Change::kNone);
  EXPECT_THAT(index.names_of(minion("a")), ElementsAre("y"));
  EXPECT_EQ(index.size(), 1U);
  EXPECT_EQ(index.bytes(), 2U);
  index.remove(minion("a"), "y");
  EXPECT_THAT(index.minions(), IsEmpty());
  EXPECT_EQ(index.bytes(), 0U);
}

TEST_F(MineIndex, AMinionCannotHaveMoreThanItsShare) {
  const std::string large = '"' + std::string(kMaxValueBytes - 2, 'v') + '"';
  EXPECT_EQ(index.put(entry("a", "x", large + " ")), Change::kRefused);
  for (const char* name : {"1", "2", "3"}) EXPECT_EQ(index.put(entry("a", name, large)), Change::kAdded);
  EXPECT_EQ(index.put(entry("a", "4", large)), Change::kRefused);  // the names count
  EXPECT_EQ(index.put(entry("b", "4", large)), Change::kAdded);
  EXPECT_EQ(index.put(entry("a", "3", "1")), Change::kChanged);
  EXPECT_EQ(index.put(entry("a", "4", large)), Change::kAdded);
}

TEST_F(MineIndex, AMinionCannotHaveMoreThanSoManyNames) {
  for (std::size_t i = 0; i < kMaxNames; ++i) EXPECT_EQ(index.put(entry("a", std::to_string(i), "1")), Change::kAdded);
  EXPECT_EQ(index.put(entry("a", "one-more", "1")), Change::kRefused);
  EXPECT_EQ(index.put(entry("a", "0", "2")), Change::kChanged);
}

TEST_F(MineIndex, ARecordIsReadBackWhole) {
  index.put(entry("a", "x", "1", "glob b", 7));
  const store::MineRecord back = index.record(minion("a"), "x");
  EXPECT_EQ(back.id, minion("a"));
  EXPECT_EQ(back.name, "x");
  EXPECT_EQ(back.value, "1");
  EXPECT_EQ(back.allow, "glob b");
  EXPECT_EQ(back.changed, 7);
}

TEST(MineLimits, AValueIsOneJsonText) {
  for (const char* good : {"1", "\"a\\\"[b\"", R"({"a":[1,2,{"b":null}]})", " true "}) EXPECT_TRUE(check_entry("x", good, "")) << good;
  for (const char* bad : {"", "1,2", R"(1,"victim":2)", "{", "\"\xff\"", "nul"}) EXPECT_FALSE(check_entry("x", bad, "")) << bad;
}

TEST(MineLimits, AValueIsNotNestedDeeply) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(check_entry("x", nested(kMaxDepth), ""));
  EXPECT_FALSE(check_entry("x", nested(kMaxDepth + 1), ""));
  EXPECT_TRUE(check_entry("x", '"' + std::string(100, '[') + '"', ""));
}

TEST(MineLimits, ANameIsPrintable) {
  EXPECT_TRUE(check_entry("network.ip_addrs", "1", ""));
  EXPECT_FALSE(check_entry("", "1", ""));
  EXPECT_FALSE(check_entry("a\nb", "1", ""));
  EXPECT_FALSE(check_entry(std::string(kMaxNameBytes + 1, 'x'), "1", ""));
}

}  // namespace
}  // namespace brine::mine
