// The words of a compound target.
#pragma once

#include <cstddef>
#include <string_view>

namespace brine::target {

struct Token {
  enum class Type { kOpen, kClose, kAnd, kOr, kNot, kTerm, kEnd };

  Type type = Type::kEnd;
  std::size_t at = 0;     // where it begins in the text
  std::string_view text;  // as written, with the prefix of a term

  bool is_operator() const { return type == Type::kAnd || type == Type::kOr || type == Type::kNot; }
};

// The "G@" or "G|@" before a term. letter 0: there is none.
struct Prefix {
  char letter = 0;
  char delimiter = ':';
  std::size_t size = 0;
};

Prefix prefix_of(std::string_view word);

// Hands out tokens from the left; after the last, kEnd for ever. Does not own the text.
class CompoundLexer {
 public:
  explicit CompoundLexer(std::string_view text) : text_(text) {}
  Token next();

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace brine::target
