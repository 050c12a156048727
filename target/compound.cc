#include "target/compound.h"

#include <fmt/format.h>

#include <utility>

#include "target/compound_lexer.h"

namespace brine::target {
namespace {

constexpr std::string_view kKnownPrefixes =
    "known are G@ (grain), P@ (grain by regular expression), S@ (subnet or address), L@ (list), E@ (regular expression)";

// The part of a word that looks like a prefix but is none: up to its '@', which no minion id has.
std::string_view false_prefix(std::string_view word) {
  const std::size_t sign = word.find('@');
  const bool in_set = word.find('[') != std::string_view::npos;
  return sign == std::string_view::npos || in_set ? std::string_view() : word.substr(0, sign + 1);
}

std::unexpected<Mistake> unknown_prefix(std::string_view prefix) {
  return mistake(0, fmt::format("unknown prefix '{}'; {}", prefix.size() <= 8 ? prefix : "@", kKnownPrefixes));
}

std::unexpected<Mistake> unavailable(std::string_view name, std::string_view options) {
  return mistake(0, fmt::format("{} targets ({}) are not available in this version", name, options), Code::kUnsupported);
}

// Recursive descent: any := all {or all}, all := one {[and] one}, one := not one | ( any ) | term.
class Parser {
 public:
  explicit Parser(std::string_view text) : lexer_(text) { token_ = lexer_.next(); }

  Parsed<Condition> parse() {
    auto condition = any();
    if (!condition) return condition;
    if (token_.type == Token::Type::kClose) return mistake(token_.at, "this parenthesis was never opened");
    if (token_.type != Token::Type::kEnd) return operator_missing();
    return condition;
  }

 private:
  Parsed<Condition> any() {
    std::vector<Condition> parts;
    do {
      auto part = all();
      if (!part) return part;
      parts.push_back(std::move(*part));
    } while (accept(Token::Type::kOr));
    return Condition::joined(Condition::Join::kOr, std::move(parts));
  }

  Parsed<Condition> all() {
    std::vector<Condition> parts;
    do {
      auto part = one();
      if (!part) return part;
      parts.push_back(std::move(*part));
    } while (accept(Token::Type::kAnd) || token_.type == Token::Type::kNot);
    return Condition::joined(Condition::Join::kAnd, std::move(parts));
  }

  Parsed<Condition> one() {
    if (token_.type == Token::Type::kTerm) return term();
    if (token_.type != Token::Type::kNot && token_.type != Token::Type::kOpen) return operand_missing();
    if (nesting_ == kMaxNesting) return mistake(token_.at, "nested deeper than 64");
    ++nesting_;
    auto condition = token_.type == Token::Type::kNot ? negation() : parenthesis();
    --nesting_;
    return condition;
  }

  Parsed<Condition> negation() {
    advance();
    auto condition = one();
    if (!condition) return condition;
    std::vector<Condition> parts;
    parts.push_back(std::move(*condition));
    return Condition{Condition::Join::kNot, {}, std::move(parts)};
  }

  Parsed<Condition> parenthesis() {
    const std::size_t opened_at = token_.at;
    advance();
    if (token_.type == Token::Type::kEnd) return mistake(opened_at, "this parenthesis is never closed");
    auto condition = any();
    if (!condition) return condition;
    if (token_.type == Token::Type::kEnd) return mistake(opened_at, "this parenthesis is never closed");
    if (token_.type != Token::Type::kClose) return operator_missing();
    advance();
    return condition;
  }

  Parsed<Condition> term() {
    const Token token = token_;
    if (++terms_ > kMaxTerms) return mistake(token.at, "more than 10000 terms");
    auto parsed = parse_word(token.text);
    if (!parsed) return mistake_in_part(std::move(parsed.error()), token.at);
    advance();
    return Condition::of(std::move(*parsed));
  }

  Parsed<Term> parse_word(std::string_view word) {
    const Prefix prefix = prefix_of(word);
    if (prefix.letter == 0) {
      if (const auto found = false_prefix(word); !found.empty()) return unknown_prefix(found);
      return parse_term(Kind::kGlob, word, prefix.delimiter);
    }
    switch (prefix.letter) {
      case 'G': return parse_prefixed(Kind::kGrain, word, prefix);
      case 'P': return parse_prefixed(Kind::kGrainRegex, word, prefix);
      case 'S': return parse_prefixed(Kind::kSubnet, word, prefix);
      case 'L': return parse_prefixed(Kind::kList, word, prefix);
      case 'E': return parse_prefixed(Kind::kRegex, word, prefix);
      case 'I': return unavailable("pillar", "-I, I@");
      case 'J': return unavailable("pillar", "-J, J@");
      case 'N': return unavailable("nodegroup", "-N, N@");
      case 'R': return unavailable("range", "-R, R@");
      default: return unknown_prefix(word.substr(0, prefix.size));
    }
  }

  Parsed<Term> parse_prefixed(Kind kind, std::string_view word, const Prefix& prefix) {
    const std::string_view text = word.substr(prefix.size);
    if (text.empty()) return mistake(0, fmt::format("nothing follows '{}'", word));
    if (kind == Kind::kRegex || kind == Kind::kGrainRegex) {
      if (++regexes_ > kMaxRegexTerms) return mistake(0, "more than 1000 regular expressions");
    }
    auto parsed = parse_term(kind, text, prefix.delimiter);
    if (!parsed) return mistake_in_part(std::move(parsed.error()), prefix.size);
    return parsed;
  }

  std::unexpected<Mistake> operand_missing() const {
    if (token_.type == Token::Type::kEnd && last_.type == Token::Type::kEnd) return mistake(0, "the target is empty");
    if (last_.is_operator()) return mistake(last_.at, fmt::format("'{}' needs a target on its right", last_.text));
    if (token_.is_operator()) return mistake(token_.at, fmt::format("'{}' needs a target on its left", token_.text));
    if (last_.type == Token::Type::kOpen) return mistake(token_.at, "there is nothing between these parentheses");
    return mistake(token_.at, "this parenthesis was never opened");
  }

  std::unexpected<Mistake> operator_missing() const { return mistake(token_.at, "'and' or 'or' (in lower case) is missing before this"); }

  bool accept(Token::Type type) {
    if (token_.type != type) return false;
    advance();
    return true;
  }

  void advance() { last_ = std::exchange(token_, lexer_.next()); }

  CompoundLexer lexer_;
  Token token_;  // the next one to be looked at
  Token last_;   // the one before it
  std::size_t nesting_ = 0;
  std::size_t terms_ = 0;
  std::size_t regexes_ = 0;
};

}  // namespace

Parsed<Condition> parse_compound(std::string_view text) { return Parser(text).parse(); }

}  // namespace brine::target
