#include "target/expression.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "target/grain_pattern.h"
#include "target/grains.h"
#include "target/regex.h"

namespace brine::target {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsNull;
using testing::Pointee;
using testing::SizeIs;

std::string refusal(Kind kind, std::string_view text, char delimiter = ':') {
  const auto expression = parse(kind, text, delimiter);
  return expression ? "" : expression.error().message;
}

MinionId id(std::string_view text) { return MinionId::parse(text).value(); }

TEST(Kind, NamesGoBothWays) {
  for (const char* name : {"glob", "pcre", "list", "grain", "grain_pcre", "ipcidr", "compound", "pillar", "nodegroup"}) {
    EXPECT_EQ(to_string(parse_kind(name).value()), name);
  }
  EXPECT_EQ(parse_kind("grain_pcre").value(), Kind::kGrainRegex);
  EXPECT_EQ(parse_kind("nodegroup").value(), Kind::kNodegroup);
  EXPECT_THAT(parse_kind("globs").error().message, HasSubstr("ipcidr"));
}

TEST(Expression, KeepsWhatItWasMadeFrom) {
  std::optional<Expression> expression = parse(Kind::kGrain, "a|b", '|').value();
  const Expression copy = *expression;
  expression.reset();
  EXPECT_EQ(copy.kind(), Kind::kGrain);
  EXPECT_EQ(copy.text(), "a|b");
  EXPECT_EQ(copy.delimiter(), '|');
}

TEST(Expression, ErrorsShowThePlace) {
  EXPECT_EQ(refusal(Kind::kCompound, "web* and X@y").substr(0, 19), "unknown prefix 'X@'");
  EXPECT_THAT(refusal(Kind::kCompound, "web* and X@y"), HasSubstr("\n  web* and X@y\n           ^"));
  EXPECT_THAT(refusal(Kind::kRegex, "web("), HasSubstr("\n  web(\n      ^"));
  EXPECT_THAT(refusal(Kind::kSubnet, "10.0.0.0/99"), HasSubstr("\n  10.0.0.0/99\n           ^"));
  EXPECT_THAT(refusal(Kind::kGrain, "Debian"), HasSubstr("os:Debian"));
  EXPECT_THAT(refusal(Kind::kList, "web1, web*"), HasSubstr("\n  web1, web*\n        ^"));
}

TEST(Expression, PillarAndNodegroupAreRefusedByName) {
  EXPECT_THAT(refusal(Kind::kPillar, "a:b"), HasSubstr("pillar targets (-I, I@) are not available in this version\n"));
  EXPECT_THAT(refusal(Kind::kNodegroup, "x"), HasSubstr("nodegroup targets (-N, N@) are not available in this version\n"));
  EXPECT_EQ(parse(Kind::kPillar, "").error().code, Code::kUnsupported);
}

TEST(Expression, EmptyLongAndUnprintableInputIsRefused) {
  for (const Kind kind : {Kind::kGlob, Kind::kRegex, Kind::kList, Kind::kGrain, Kind::kGrainRegex, Kind::kSubnet, Kind::kCompound}) {
    EXPECT_NE(refusal(kind, ""), "");
    EXPECT_THAT(refusal(kind, std::string(kMaxListBytes + 1, 'a')), HasSubstr("at most"));
  }
  EXPECT_THAT(refusal(Kind::kGrain, "a:b", '\0'), HasSubstr("delimiter"));
  EXPECT_THAT(refusal(Kind::kGrain, "a:b", '\xc3'), HasSubstr("delimiter"));
}

TEST(Expression, AListMayNameAWholeFleet) {
  std::string text;
  for (int i = 0; i < 10'000; ++i) text += "minion-" + std::to_string(i) + ".example,";
  const Expression expression = parse(Kind::kList, text).value();
  EXPECT_TRUE(expression.matches({"minion-9999.example", nullptr}));
  EXPECT_FALSE(expression.matches({"minion-10000.example", nullptr}));
  EXPECT_THAT(expression.only_ids(), Pointee(SizeIs(10'000)));
}

TEST(Expression, NamedMinionsAreKnownInAdvance) {
  EXPECT_THAT(parse(Kind::kGlob, "web1")->only_ids(), Pointee(ElementsAre(id("web1"))));
  EXPECT_THAT(parse(Kind::kGlob, "no id")->only_ids(), Pointee(SizeIs(0)));
  EXPECT_THAT(parse(Kind::kGlob, "web*")->only_ids(), IsNull());
  EXPECT_THAT(parse(Kind::kList, "b,a,b")->only_ids(), Pointee(ElementsAre(id("a"), id("b"))));
  EXPECT_THAT(parse(Kind::kCompound, "b or L@c,a or (a and G@os:x)")->only_ids(), Pointee(ElementsAre(id("a"), id("b"), id("c"))));
  EXPECT_THAT(parse(Kind::kCompound, "G@os:x and L@a,b and a")->only_ids(), Pointee(ElementsAre(id("a"))));
  EXPECT_THAT(parse(Kind::kCompound, "a or G@os:x")->only_ids(), IsNull());
  EXPECT_THAT(parse(Kind::kCompound, "not a")->only_ids(), IsNull());
}

TEST(Expression, AHostileRegexEndsSoonAndDoesNotMatch) {
  const std::string name(250, 'a');
  const auto start = std::chrono::steady_clock::now();
  for (const char* pattern :
       {"(a+)+$b", "(a|aa)+$b", "(.*)*(.*)*(.*)*x", "((a?)+)+b", "(?:(?:a*)*)*\\d", "(a*)*\\1b", "(a(?1)?)+b", "(?R)?x"}) {
    EXPECT_FALSE(parse(Kind::kRegex, pattern).value().matches({name, nullptr})) << pattern;
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

TEST(Expression, RegexesAreBounded) {
  EXPECT_THAT(refusal(Kind::kRegex, std::string(Regex::kMaxBytes + 1, 'a')), HasSubstr("at most 4096"));
  EXPECT_NE(refusal(Kind::kRegex, "((((a{1,999}){1,999}){1,999}){1,999}"), "");
  EXPECT_NE(refusal(Kind::kRegex, "a\xff"), "");
  EXPECT_NE(refusal(Kind::kRegex, "\\C"), "");
}

TEST(Expression, HostileWildcardsOnHostileGrainsEndSoon) {
  std::string json = "1";
  for (int depth = 0; depth < 15; ++depth) json = R"({"a":)" + json + R"(,"b":{"c":1},"d":[1,2,3]})";
  std::string wide = R"({"wide":{)";
  for (int i = 0; i < 20'000; ++i) wide += "\"k" + std::to_string(i) + "\":0,";
  wide.back() = '}';
  const auto start = std::chrono::steady_clock::now();
  for (const std::string& text : {json, wide + "}"}) {
    const Grains grains = Grains::from_json(text).value();
    EXPECT_FALSE(parse(Kind::kGrain, "*:*:*:*:*:*:*:*:*:*:*:*:*:*:*:*:*:*:*:nothing")->matches({"m", &grains}));
    EXPECT_FALSE(parse(Kind::kGrain, "*:a:*:a:*:a:*:a:*:a:*:a:*:a:*:nothing")->matches({"m", &grains}));
    EXPECT_FALSE(parse(Kind::kGrainRegex, "*:*:*:*:*:*:(0+)+x")->matches({"m", &grains}));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
}

TEST(Expression, ASplitInsideAGroupDoesNotSpoilARegex) {
  const Grains grains = Grains::from_json(R"({"mac":"aa:bb"})").value();
  EXPECT_TRUE(parse(Kind::kGrainRegex, "mac:(aa:bb|cc:dd)").value().matches({"m", &grains}));
  EXPECT_THAT(refusal(Kind::kGrainRegex, "mac:(aa"), HasSubstr("\n  mac:(aa\n         ^"));
}

TEST(Expression, IsMatchedByThreadsAtOnce) {
  const Grains grains = Grains::from_json(R"({"os":"Debian","l":["a","b"]})").value();
  const Expression expression = parse(Kind::kCompound, "E@web\\d+ and P@os:(deb|red).* and G@l:b and not L@web2").value();
  std::vector<std::thread> threads;
  std::vector<int> counts(4);
  for (int& count : counts) {
    threads.emplace_back([&, copy = expression] {
      for (int i = 0; i < 2'000; ++i) count += copy.matches({"web" + std::to_string(i), &grains}) ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(counts, ElementsAre(1999, 1999, 1999, 1999));
}

}  // namespace
}  // namespace brine::target
