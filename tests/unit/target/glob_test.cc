#include "target/glob.h"

#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <string>

namespace brine::target {
namespace {

bool glob(std::string_view pattern, std::string_view text, Case letters = Case::kSensitive) {
  return Glob::compile(pattern, letters).value().matches(text);
}

// The obvious way, exponential in the stars. ASCII, sets without ranges.
bool reference(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*') return reference(pattern.substr(1), text) || (!text.empty() && reference(pattern, text.substr(1)));
  if (text.empty()) return false;
  if (pattern[0] == '[') {
    const bool negated = pattern.size() > 1 && pattern[1] == '!';
    const std::size_t first = negated ? 2 : 1;
    const std::size_t close = first < pattern.size() ? pattern.find(']', first + 1) : std::string_view::npos;
    if (close != std::string_view::npos) {
      const bool member = pattern.substr(first, close - first).find(text[0]) != std::string_view::npos;
      return member != negated && reference(pattern.substr(close + 1), text.substr(1));
    }
  }
  return (pattern[0] == '?' || pattern[0] == text[0]) && reference(pattern.substr(1), text.substr(1));
}

std::string random_text(std::mt19937& random, std::string_view alphabet, std::size_t most) {
  std::string text(random() % (most + 1), '\0');
  for (char& c : text) c = alphabet[random() % alphabet.size()];
  return text;
}

TEST(Glob, MatchesTheWholeTextOnly) {
  EXPECT_TRUE(glob("web", "web"));
  EXPECT_FALSE(glob("web", "web1"));
  EXPECT_FALSE(glob("eb", "web"));
  EXPECT_TRUE(glob("w*1", "web1"));
  EXPECT_TRUE(glob("*", ""));
  EXPECT_FALSE(glob("?", ""));
  EXPECT_TRUE(glob("we?1", "web1"));
}

TEST(Glob, SetsHaveRangesAndNegation) {
  EXPECT_TRUE(glob("web[0-9]", "web7"));
  EXPECT_FALSE(glob("web[!0-9]", "web7"));
  EXPECT_TRUE(glob("[]x]", "]"));
  EXPECT_TRUE(glob("[!]x]", "a"));
  EXPECT_FALSE(glob("[!]x]", "]"));
  EXPECT_TRUE(glob("[a-]", "-"));
  EXPECT_TRUE(glob("[a-c-e]", "e"));
  EXPECT_FALSE(glob("[a-c-e]", "d"));
  EXPECT_FALSE(glob("[z-a]", "m"));
  EXPECT_TRUE(glob("[^a]", "^"));
}

TEST(Glob, OpenBracketBracesAndBackslashStandForThemselves) {
  EXPECT_TRUE(glob("a[b", "a[b"));
  EXPECT_TRUE(glob("a[", "a["));
  EXPECT_TRUE(glob("[!]", "[!]"));
  EXPECT_TRUE(glob("{a,b}", "{a,b}"));
  EXPECT_FALSE(glob("{a,b}", "a"));
  EXPECT_TRUE(glob("a\\*", "a\\anything"));
}

TEST(Glob, CaseMattersUnlessToldOtherwise) {
  EXPECT_FALSE(glob("Web*", "web1"));
  EXPECT_TRUE(glob("Web[A-C]", "wEBb", Case::kInsensitive));
  EXPECT_TRUE(glob("WEB", "web", Case::kInsensitive));
}

TEST(Glob, QuestionMarkIsOneCharacterNotOneByte) {
  EXPECT_TRUE(glob("?", "\u00e9"));
  EXPECT_FALSE(glob("??", "\u00e9"));
  EXPECT_FALSE(glob("*??", "\u20ac"));
  EXPECT_TRUE(glob("[\u00e0-\u00ef]x", "\u00e9x"));
  EXPECT_TRUE(glob("??", "\xff\xfe"));
}

TEST(Glob, ManyStarsCostNoMoreThanPatternTimesText) {
  const std::string text(20'000, 'a');
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(glob("*a*a*a*a*b", text));
  EXPECT_FALSE(glob("*a?a*a?a*a[a]a*a*a*a*a*a*a*a*a*a*a*a*b*c", text));
  EXPECT_TRUE(glob("*a*a*a*a*", text));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

TEST(Glob, PatternsAreBounded) {
  EXPECT_TRUE(Glob::compile(std::string(Glob::kMaxElements, 'a'), Case::kSensitive));
  const auto refused = Glob::compile(std::string(Glob::kMaxElements + 1, 'a'), Case::kSensitive);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().at, Glob::kMaxElements);
}

TEST(Glob, AgreesWithASimpleReferenceOnRandomPatterns) {
  std::mt19937 random(20240511);
  for (int i = 0; i < 50'000; ++i) {
    const std::string pattern = random_text(random, "ab*?[]!", 9);
    const std::string text = random_text(random, "ab]!", 8);
    ASSERT_EQ(glob(pattern, text), reference(pattern, text)) << "pattern " << pattern << ", text " << text;
  }
}

TEST(Glob, KnowsWhenItIsOneText) {
  EXPECT_EQ(Glob::compile("web1", Case::kSensitive)->literal(), "web1");
  EXPECT_FALSE(Glob::compile("web?", Case::kSensitive)->literal());
  EXPECT_FALSE(Glob::compile("web1", Case::kInsensitive)->literal());
}

}  // namespace
}  // namespace brine::target
