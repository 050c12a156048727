#include "base/ids.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <unordered_set>

namespace brine {
namespace {

using namespace std::string_view_literals;

TEST(MinionId, HostNamesAndCloudNamesAreTaken) {
  for (const std::string_view text : {"a"sv, "web1.example.org"sv, "ip-10-0-0-1_blue"sv, "A9"sv, "_x"sv, "a..b"sv, "a-"sv}) {
    const auto id = MinionId::parse(text);
    ASSERT_TRUE(id) << text;
    EXPECT_EQ(id->str(), text);
  }
}

TEST(MinionId, TextThatCouldLeaveAFolderIsRefused) {
  for (const std::string_view text :
       {".."sv, "."sv, "../x"sv, "a/../b"sv, "/etc"sv, "a/b"sv, "a\\b"sv, "a\0b"sv, "\0"sv, ".hidden"sv, "~root"sv}) {
    const auto id = MinionId::parse(text);
    ASSERT_FALSE(id) << text;
    EXPECT_EQ(id.error().code, Code::kInvalid);
    EXPECT_FALSE(id.error().message.empty());
  }
}

TEST(MinionId, TextThatCouldBeReadAsAnOptionOrAPatternIsRefused) {
  for (const std::string_view text : {"-rf"sv, "a*"sv, "a?"sv, "[a]"sv, "a b"sv, "a\n"sv, "a,b"sv, "a@b"sv, "a:b"sv,
                                      "gr\xc3\xbc"
                                      "n"sv})
    EXPECT_FALSE(MinionId::parse(text)) << text;
}

TEST(MinionId, LengthIsOneTo253) {
  EXPECT_FALSE(MinionId::parse(""));
  EXPECT_TRUE(MinionId::parse(std::string(253, 'a')));
  EXPECT_FALSE(MinionId::parse(std::string(254, 'a')));
}

TEST(MinionId, EveryByteIsEitherInTheAlphabetOrRefused) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  for (int byte = 0; byte < 256; ++byte) {
    const std::string text = std::string("a") + static_cast<char>(byte);
    EXPECT_EQ(MinionId::parse(text).has_value(), kAlphabet.find(static_cast<char>(byte)) != kAlphabet.npos) << byte;
  }
}

TEST(MinionId, EmptyOneIsNone) {
  EXPECT_TRUE(MinionId().empty());
  EXPECT_FALSE(MinionId::parse("a")->empty());
}

TEST(MinionId, EqualIdsHashAlike) {
  std::unordered_set<MinionId> ids{*MinionId::parse("a"), *MinionId::parse("b"), *MinionId::parse("a")};
  EXPECT_EQ(ids.size(), 2U);
}

TEST(JobId, IsItsPointInTime) {
  EXPECT_EQ(job_id_at(0).str(), "19700101000000000000");
  EXPECT_EQ(job_id_at(1'709'210'096'123'456).str(), "20240229123456123456");
  EXPECT_EQ(unix_us_of(*JobId::parse("20240229123456123456")), 1'709'210'096'123'456);
}

TEST(JobId, TimeRoundTripsAroundEveryMonthsEnd) {
  constexpr std::int64_t kDay = 86'400'000'000;
  for (std::int64_t day = 0; day < std::int64_t{366} * 40; ++day) {
    for (const std::int64_t at : {day * kDay, day * kDay + kDay - 1}) {
      const JobId jid = job_id_at(at);
      ASSERT_EQ(unix_us_of(jid), at) << jid.str();
      ASSERT_EQ(JobId::parse(jid.str()), jid);
    }
  }
}

TEST(JobId, LaterTimesSortLater) { EXPECT_LT(job_id_at(1'999'999'999'999'999), job_id_at(2'000'000'000'000'000)); }

TEST(JobId, WhatIsNotAPointInTimeIsRefused) {
  for (const std::string_view text :
       {"20240012000000000000"sv, "20241301000000000000"sv, "20240100000000000000"sv, "20240132000000000000"sv, "20240230000000000000"sv,
        "20230229000000000000"sv, "20240431000000000000"sv, "20240101240000000000"sv, "20240101006000000000"sv, "20240101000061000000"sv})
    EXPECT_FALSE(JobId::parse(text)) << text;
  EXPECT_TRUE(JobId::parse("20240229235959999999"));
}

TEST(JobId, WhatIsNotTwentyDigitsIsRefused) {
  for (const std::string_view text :
       {""sv, "2024022912345612345"sv, "202402291234561234567"sv, "2024022912345612345x"sv, "-0240229123456123456"sv,
        "../../../etc/passwd0"sv, "20240229123456 23456"sv, "2024022912345612345\0"sv})
    EXPECT_FALSE(JobId::parse(text)) << text;
}

TEST(PathComponent, OnlyASingleNameStays) {
  for (const std::string_view text : {""sv, "."sv, ".."sv, "a/b"sv, "/"sv, "a\0"sv}) EXPECT_FALSE(is_path_component(text)) << text;
  for (const std::string_view text : {"a"sv, "..."sv, ".a"sv, "a.b"sv, " "sv}) EXPECT_TRUE(is_path_component(text)) << text;
}

}  // namespace
}  // namespace brine
