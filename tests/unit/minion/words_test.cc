#include "minion/words.h"

#include <gmock/gmock.h>

namespace brine::minion {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> words(std::string_view line) { return split_words(line).value(); }

TEST(Words, AreSeparatedByBlanksOfAnyNumber) { EXPECT_THAT(words("  ls \t -l\n/etc "), ElementsAre("ls", "-l", "/etc")); }

TEST(Words, KeepWhatQuotesHoldTogether) { EXPECT_THAT(words(R"(echo 'a  "b"' "c 'd'")"), ElementsAre("echo", "a  \"b\"", "c 'd'")); }

TEST(Words, JoinAdjacentQuotedAndUnquotedParts) { EXPECT_THAT(words(R"(a'b c'd"e"\ f)"), ElementsAre("ab cde f")); }

TEST(Words, MayBeEmptyInQuotes) { EXPECT_THAT(words("'' \"\""), ElementsAre("", "")); }

TEST(Words, KeepABackslashThatEscapesNothingInDoubleQuotes) {
  EXPECT_THAT(words(R"("a\b" "\"" "\$x" '\')"), ElementsAre("a\\b", "\"", "$x", "\\"));
}

TEST(Words, AreNoneInABlankLine) { EXPECT_THAT(words(" \t "), IsEmpty()); }

TEST(Words, AreRefusedWhenAQuoteIsNotClosed) {
  EXPECT_THAT(split_words("echo 'x").error().message, HasSubstr("' is not closed"));
  EXPECT_THAT(split_words("echo \"x").error().message, HasSubstr("\" is not closed"));
  EXPECT_THAT(split_words("echo \\").error().message, HasSubstr("backslash"));
}

}  // namespace
}  // namespace brine::minion
