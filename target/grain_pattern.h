// `key:value` and `key:key:value` against grains, as Salt's subdict_match does it (salt/utils/data.py).
//
// The text does not say where the path ends and the value begins, so every split is tried: `a:b:c` is the value c under a, b, or the
// value b:c under a. On the way,
//   - a value is compared by its Python text, letter case ignored (ASCII), by a glob or by a regular expression from its start;
//   - a list matches if one of its items does; in a list of dictionaries the path goes on in each of them, and a number picks an item;
//   - a dictionary matches if the rest is `*`, one of its keys, or matches inside it;
//   - a `*` in the path stands for any key of that level.
// Unlike Salt, a list inside of a list is searched instead of being compared as text, and an own delimiter holds inside dictionaries too.
// Immutable after compile().
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "target/caret.h"
#include "target/glob.h"
#include "target/grains.h"
#include "target/regex.h"

namespace brine::target {

enum class ValueSyntax { kGlob, kRegex };

class GrainPattern {
 public:
  // Delimiters after this many belong to the value: grains are never deeper.
  static constexpr std::size_t kMaxParts = Grains::kMaxDepth + 1;

  static Parsed<GrainPattern> compile(std::string_view text, char delimiter, ValueSyntax syntax);

  // Looks at no more than 16 MiB (a value may be looked at for several splits); grains on which that is not enough do not match.
  bool matches(const Grains& grains) const;

 private:
  friend class GrainWalk;
  // Matches nothing: a split in the middle of a group leaves no regular expression.
  struct Nothing {};
  using Value = std::variant<Nothing, Glob, Regex>;
  struct Part {
    std::string key;   // up to the next delimiter
    std::string rest;  // up to the end
    Value value;       // compiled from rest
  };

  static Parsed<Value> compile_value(std::string_view text, ValueSyntax syntax);

  std::vector<Part> parts_;
};

}  // namespace brine::target
