#include "target/compound_lexer.h"

#include <algorithm>

namespace brine::target {
namespace {

constexpr std::string_view kBlanks = " \t\r\n\v\f";
constexpr std::string_view kBlanksAndParentheses = " \t\r\n\v\f()";

bool is_letter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

// Behind the ']' of the set that begins at `at`, or right behind its '[' if it is never closed.
std::size_t end_of_set(std::string_view word, std::size_t at) {
  std::size_t from = at + 1;
  if (from < word.size() && (word[from] == '^' || word[from] == '!')) ++from;
  const std::size_t close = word.find(']', std::min(from + 1, word.size()));
  return close == std::string_view::npos ? at + 1 : close + 1;
}

// A pattern ends before a ')' that it did not open. Sets, and in regular expressions backslashes, hide parentheses.
std::size_t end_of_pattern(std::string_view word, std::size_t at, bool is_regex) {
  std::size_t open = 0;
  while (at < word.size()) {
    const char c = word[at];
    if (c == ')' && open == 0) return at;
    if (c == '(') ++open;
    if (c == ')') --open;
    if (c == '[') {
      at = end_of_set(word, at);
    } else {
      at += is_regex && c == '\\' ? 2U : 1U;
    }
  }
  return word.size();
}

std::size_t end_of_term(std::string_view word) {
  const Prefix prefix = prefix_of(word);
  const bool is_regex = prefix.letter == 'E' || prefix.letter == 'P';
  if (is_regex || prefix.letter == 'G') return end_of_pattern(word, prefix.size, is_regex);
  return std::min(word.find_first_of(kBlanksAndParentheses, prefix.size), word.size());
}

Token::Type type_of(std::string_view word) {
  if (word == "and") return Token::Type::kAnd;
  if (word == "or") return Token::Type::kOr;
  if (word == "not") return Token::Type::kNot;
  return Token::Type::kTerm;
}

}  // namespace

Prefix prefix_of(std::string_view word) {
  constexpr std::string_view kWithDelimiter = "GPIJ";
  if (word.size() > 3 && word[2] == '@' && kWithDelimiter.find(word[0]) != std::string_view::npos) return {word[0], word[1], 3};
  if (word.size() > 1 && word[1] == '@' && is_letter(word[0])) return {word[0], ':', 2};
  return {};
}

Token CompoundLexer::next() {
  at_ = std::min(text_.find_first_not_of(kBlanks, at_), text_.size());
  if (at_ == text_.size()) return {Token::Type::kEnd, at_, {}};
  const std::size_t begin = at_;
  const char first = text_[begin];
  if (first == '(' || first == ')') {
    ++at_;
    return {first == '(' ? Token::Type::kOpen : Token::Type::kClose, begin, text_.substr(begin, 1)};
  }
  const std::string_view word = text_.substr(begin, std::min(text_.find_first_of(kBlanks, begin), text_.size()) - begin);
  const std::string_view token = word.substr(0, end_of_term(word));
  at_ = begin + token.size();
  return {type_of(token), begin, token};
}

}  // namespace brine::target
