// A parsed target expression as a tree: terms joined by and, or, not. Immutable after parsing.
#pragma once

#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "target/caret.h"
#include "target/glob.h"
#include "target/grain_pattern.h"
#include "target/kind.h"
#include "target/minion_view.h"
#include "target/regex.h"
#include "target/subnet.h"

namespace brine::target {

// Sorted, without doubles.
using IdList = std::vector<MinionId>;

// Glob and Regex are about the id.
using Term = std::variant<Glob, Regex, IdList, GrainPattern, Subnet>;

// One term of any kind but kCompound. Positions in mistakes are relative to text.
Parsed<Term> parse_term(Kind kind, std::string_view text, char delimiter);

bool matches(const Term& term, const MinionView& minion);

struct Condition {
  enum class Join { kTerm, kAnd, kOr, kNot };

  Join join = Join::kTerm;
  Term term;                     // of kTerm
  std::vector<Condition> parts;  // of kAnd and kOr: two or more; of kNot: one

  static Condition of(Term term) { return {Join::kTerm, std::move(term), {}}; }
  // The only part itself, if there is one.
  static Condition joined(Join join, std::vector<Condition> parts);
};

bool matches(const Condition& condition, const MinionView& minion);

// The only minions that can match, if the expression names them: they are then looked up instead of asking all.
std::optional<IdList> only_ids(const Condition& condition);

}  // namespace brine::target
