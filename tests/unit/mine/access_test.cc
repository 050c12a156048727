#include "mine/access.h"

#include <gtest/gtest.h>

#include "target/grains.h"

namespace brine::mine {
namespace {

bool admits(std::string_view text, std::string_view id, const target::Grains* grains = nullptr) {
  return Access::of(text).admits({.id = id, .grains = grains});
}

TEST(MineAccess, AnEmptyTextAdmitsEveryone) { EXPECT_TRUE(admits("", "anyone")); }

TEST(MineAccess, ATargetAdmitsWhatItMatches) {
  EXPECT_TRUE(admits("glob web*", "web1"));
  EXPECT_FALSE(admits("glob web*", "db1"));
  EXPECT_TRUE(admits("list db1,db2", "db1"));
}

TEST(MineAccess, ACompoundTargetSeesTheReadersGrains) {
  const auto grains = target::Grains::from_json(R"({"role":"proxy"})");
  ASSERT_TRUE(grains);
  EXPECT_TRUE(admits("compound G@role:proxy and not db*", "web1", &*grains));
  EXPECT_FALSE(admits("compound G@role:proxy", "web1"));
}

TEST(MineAccess, WhatIsNotUnderstoodAdmitsNobody) {
  EXPECT_FALSE(admits("glob", "web1"));
  EXPECT_FALSE(admits("stars *", "web1"));
  EXPECT_FALSE(admits("compound (", "web1"));
}

TEST(MineAccess, AWrongTargetIsExplained) {
  const auto access = Access::parse("stars *");
  ASSERT_FALSE(access);
  EXPECT_EQ(access.error().code, Code::kInvalid);
}

TEST(MineAccess, TheTextOfNoTargetIsEmpty) {
  EXPECT_EQ(access_text("glob", ""), "");
  EXPECT_EQ(access_text("glob", "web*"), "glob web*");
}

}  // namespace
}  // namespace brine::mine
