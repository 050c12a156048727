// Compound targets, as -C takes them: terms joined by `and`, `or`, `not` and parentheses; not binds closest, or loosest.
//
//   web* and G@os:Debian and not ( E@web-\d+ or L@web9,web10 )
//
// A term is a word: a glob on the id, or a prefix and its text: G@ grain, P@ grain by regular expression, S@ subnet or address, L@ list,
// E@ regular expression. G and P take a delimiter of their own: G|@key|value. Parentheses may touch words; one that a G@, P@ or E@ word
// itself opens belongs to it. As in Salt, `a not b` is `a and not b`.
#pragma once

#include <cstddef>
#include <string_view>

#include "target/condition.h"

namespace brine::target {

constexpr std::size_t kMaxTerms = 10'000;
// Parentheses and nots inside of each other.
constexpr std::size_t kMaxNesting = 64;
// E@ and P@: each costs memory and time out of proportion to its text.
constexpr std::size_t kMaxRegexTerms = 1'000;

Parsed<Condition> parse_compound(std::string_view text);

}  // namespace brine::target
