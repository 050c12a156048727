#include "target/caret.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace brine::target {
namespace {

TEST(Caret, StandsUnderTheColumn) {
  EXPECT_EQ(with_caret("wrong", "web* X@y", 5), "wrong\n  web* X@y\n       ^");
  EXPECT_EQ(with_caret("wrong", "web", 0), "wrong\n  web\n  ^");
  EXPECT_EQ(with_caret("wrong", "web", 3), "wrong\n  web\n     ^");
  EXPECT_EQ(with_caret("wrong", "", 0), "wrong\n  \n  ^");
}

TEST(Caret, CountsCharactersNotBytes) { EXPECT_EQ(with_caret("wrong", "\u00e9\u00e9 X@y", 5), "wrong\n  \u00e9\u00e9 X@y\n     ^"); }

TEST(Caret, ShowsNothingThatATerminalWouldAct) {
  EXPECT_EQ(with_caret("wrong", "a\x1b[2J\n\xff\xc2\x9b", 6), "wrong\n  a?[2J ??\n        ^");
}

TEST(Caret, ShowsALongTextAroundThePlace) {
  std::string text(10'000, 'a');
  text[5'000] = 'X';
  const std::string lines = with_caret("wrong", text, 5'000);
  EXPECT_LT(lines.size(), 300U);
  EXPECT_EQ(std::ranges::count(lines, '\n'), 2);
  const std::size_t second = lines.find('\n') + 1;
  const std::size_t third = lines.find('\n', second) + 1;
  EXPECT_EQ(lines.find('X') - second, lines.find('^') - third);
  EXPECT_EQ(lines.substr(second + 2, 4), "...a");
}

}  // namespace
}  // namespace brine::target
