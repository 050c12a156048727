#include "target/compound.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>
#include <vector>

#include "target/expression.h"
#include "target/grains.h"

namespace brine::target {
namespace {

using testing::StartsWith;

struct Wrong {
  std::string_view text;
  std::size_t at;
  std::string_view what;
};

TEST(Compound, SaysWhatIsWrongAndWhere) {
  const std::vector<Wrong> cases = {
      {"", 0, "the target is empty"},
      {"   ", 0, "the target is empty"},
      {"web* and", 5, "'and' needs a target on its right"},
      {"web* or ", 5, "'or' needs a target on its right"},
      {"web* and not", 9, "'not' needs a target on its right"},
      {"not", 0, "'not' needs a target on its right"},
      {"and web*", 0, "'and' needs a target on its left"},
      {"web* and or db*", 5, "'and' needs a target on its right"},
      {"web* or ( and db* )", 10, "'and' needs a target on its left"},
      {"( web* or )", 7, "'or' needs a target on its right"},
      {"web* and ( )", 11, "there is nothing between"},
      {"web* and ( db*", 9, "this parenthesis is never closed"},
      {"web* and (", 9, "this parenthesis is never closed"},
      {"web* )", 5, "this parenthesis was never opened"},
      {")", 0, "this parenthesis was never opened"},
      {"G@os:Debian) or x", 11, "this parenthesis was never opened"},
      {"web* db*", 5, "'and' or 'or' (in lower case) is missing"},
      {"web* AND db*", 5, "'and' or 'or' (in lower case) is missing"},
      {"web* (db*)", 5, "'and' or 'or' (in lower case) is missing"},
      {"(web* db*)", 6, "'and' or 'or' (in lower case) is missing"},
      {"web* and X@foo", 9, "unknown prefix 'X@'"},
      {"g@os:Debian", 0, "unknown prefix 'g@'"},
      {"web* or user@host", 8, "unknown prefix 'user@'"},
      {"S|@10.0.0.0/8", 0, "unknown prefix 'S|@'"},
      {"web* and G@", 9, "nothing follows 'G@'"},
      {"G@os", 4, "a grain target is key:value"},
      {"web* and G@:Debian", 11, "the name of a grain is missing"},
      {"G|@os:Debian", 12, "a grain target is key|value"},
      {"not S@10.1.2", 6, "an address or network is expected"},
      {"not S@10.0.0.0/40", 15, "a prefix length from 0 to 32"},
      {"L@web1,web*", 7, "a list names minions"},
      {"L@,", 2, "the list of minions is empty"},
      {"x or E@web(", 11, "not a regular expression"},
      {"x or E@[a", 9, "not a regular expression"},
      {"x or P@os:(", 11, "not a regular expression"},
  };
  for (const Wrong& wrong : cases) {
    const auto parsed = parse_compound(wrong.text);
    ASSERT_FALSE(parsed) << wrong.text;
    EXPECT_EQ(parsed.error().at, wrong.at) << wrong.text;
    EXPECT_THAT(parsed.error().what, StartsWith(wrong.what)) << wrong.text;
    EXPECT_EQ(parsed.error().code, Code::kInvalid);
  }
}

TEST(Compound, PillarNodegroupAndRangeAreRefusedByName) {
  const std::vector<Wrong> cases = {
      {"web* and I@role:x", 9, "pillar targets (-I, I@) are not available in this version"},
      {"web* and I|@role|x", 9, "pillar targets (-I, I@) are not available in this version"},
      {"J@role:x", 0, "pillar targets (-J, J@) are not available in this version"},
      {"(N@group)", 1, "nodegroup targets (-N, N@) are not available in this version"},
      {"R@%cluster", 0, "range targets (-R, R@) are not available in this version"},
  };
  for (const Wrong& wrong : cases) {
    const auto parsed = parse_compound(wrong.text);
    ASSERT_FALSE(parsed) << wrong.text;
    EXPECT_EQ(parsed.error().at, wrong.at) << wrong.text;
    EXPECT_EQ(parsed.error().what, wrong.what);
    EXPECT_EQ(parsed.error().code, Code::kUnsupported);
  }
}

TEST(Compound, NestingIsBounded) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '(') + "x" + std::string(depth, ')'); };
  EXPECT_TRUE(parse_compound(nested(kMaxNesting)));
  const auto refused = parse_compound(nested(kMaxNesting + 1));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().at, kMaxNesting);
  std::string nots;
  for (std::size_t i = 0; i <= kMaxNesting; ++i) nots += "not ";
  EXPECT_FALSE(parse_compound(nots + "x"));
  EXPECT_FALSE(parse_compound(std::string(60'000, '(')));
}

TEST(Compound, TermsAreBounded) {
  const auto joined = [](std::size_t count, std::string_view term) {
    std::string text(term);
    for (std::size_t i = 1; i < count; ++i) text.append(" or ").append(term);
    return text;
  };
  EXPECT_TRUE(parse_compound(joined(kMaxTerms, "x")));
  EXPECT_FALSE(parse_compound(joined(kMaxTerms + 1, "x")));
  EXPECT_FALSE(parse_compound(joined(kMaxRegexTerms + 1, "E@x")));
}

// ---- against a naive evaluator -----------------------------------------------------------------------------------------------

using Words = std::vector<std::string>;

// Rewrites T and F until one is left: parentheses first, then not, and, or.
bool evaluate(Words words) {
  for (std::size_t close = 0; close < words.size(); ++close) {
    if (words[close] != ")") continue;
    std::size_t open = close;
    while (words[open] != "(") --open;
    const auto at = [&](std::size_t i) { return words.begin() + static_cast<std::ptrdiff_t>(i); };
    const bool inner = evaluate(Words(at(open + 1), at(close)));
    words.erase(at(open), at(close));
    words[open] = inner ? "T" : "F";
    close = open;
  }
  for (std::size_t i = words.size(); i-- > 0;) {
    if (words[i] != "not") continue;
    words[i] = words[i + 1] == "T" ? "F" : "T";
    words.erase(words.begin() + static_cast<std::ptrdiff_t>(i) + 1);
  }
  bool any = false;
  bool all = true;
  for (const std::string& word : words) {
    if (word == "or") {
      any = any || all;
      all = true;
    } else if (word != "and") {
      all = all && word == "T";
    }
  }
  return any || all;
}

void add_expression(Words& words, std::mt19937& random, int depth) {
  const std::size_t operands = 1 + random() % 4;
  for (std::size_t i = 0; i < operands; ++i) {
    if (i > 0) words.push_back(random() % 2 == 0 ? "and" : "or");
    while (random() % 4 == 0) words.push_back("not");
    if (depth > 0 && random() % 3 == 0) {
      words.push_back("(");
      add_expression(words, random, depth - 1);
      words.push_back(")");
    } else {
      words.push_back(random() % 2 == 0 ? "T" : "F");
    }
  }
}

std::string as_text(const Words& words, std::mt19937& random) {
  constexpr std::array<std::string_view, 7> kTrue = {"*", "m1", "E@(m)\\d", "L@a,m1", "G@os:deb*", "P@os:(Deb|Red)", "S@10.0.0.0/8"};
  constexpr std::array<std::string_view, 7> kFalse = {"M1", "m", "E@\\(?x", "L@a,m", "G@os:deb", "P@os:[)(]", "S@10.0.0.2"};
  std::string text;
  bool after_parenthesis = false;
  for (const std::string& word : words) {
    const bool is_parenthesis = word == "(" || word == ")";
    if (!text.empty() && (random() % 2 == 0 || !(is_parenthesis || after_parenthesis))) text += random() % 8 == 0 ? " \t" : " ";
    text += word == "T" ? kTrue[random() % kTrue.size()] : word == "F" ? kFalse[random() % kFalse.size()] : word;
    after_parenthesis = is_parenthesis;
  }
  return text;
}

TEST(Compound, AgreesWithANaiveEvaluatorOnRandomExpressions) {
  constexpr unsigned kSeed = 7041;
  std::mt19937 random(kSeed);
  const Grains grains = Grains::from_json(R"({"os":"Debian","ipv4":["10.0.0.1"]})").value();
  for (int i = 0; i < 5'000; ++i) {
    Words words;
    add_expression(words, random, 4);
    const std::string text = as_text(words, random);
    const auto expression = parse(Kind::kCompound, text);
    ASSERT_TRUE(expression) << "seed " << kSeed << ", case " << i << "\n" << expression.error().message;
    ASSERT_EQ(expression->matches({"m1", &grains}), evaluate(words)) << "seed " << kSeed << ", case " << i << ": " << text;
  }
}

}  // namespace
}  // namespace brine::target
