// Shell patterns as Python's fnmatch has them: the whole text must match; '*', '?', '[seq]', '[!seq]'. Braces, backslashes and a '[' that
// is never closed stand for themselves. Immutable after compile().
//
// Matching takes at most (characters of the text) x (characters of the pattern) steps, whatever the pattern.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "target/caret.h"
#include "target/code_point.h"

namespace brine::target {

class Glob {
 public:
  static constexpr std::size_t kMaxElements = 1024;

  // Fails only for a pattern of more than kMaxElements characters.
  static Parsed<Glob> compile(std::string_view pattern, Case letters);

  bool matches(std::string_view text) const;

  // The only text that matches, if the pattern has no wildcard and case matters. Lives as long as the glob.
  std::optional<std::string_view> literal() const;

 private:
  enum class Type : std::uint8_t { kChar, kAny, kStar, kSet };
  struct Element {
    char32_t value = 0;  // the character, or the place in sets_
    Type type = Type::kChar;
  };
  struct Set {
    bool negated = false;
    std::vector<std::pair<char32_t, char32_t>> ranges;
  };

  std::optional<std::size_t> add_set(std::string_view pattern, std::size_t at);
  bool matches_one(const Element& element, char32_t c) const;

  Case letters_ = Case::kSensitive;
  bool is_literal_ = true;
  std::string literal_;
  std::vector<Element> elements_;
  std::vector<Set> sets_;
};

}  // namespace brine::target
