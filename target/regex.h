// Regular expressions (PCRE2), matched as Python's re.match does: from the start of the text, but not necessarily to its end.
//
// Immutable after compile(), cheap to copy, usable from several threads at once. Limits on steps and depth bound every match to about a
// millisecond at the very worst; a text on which a pattern runs into them does not match.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "target/caret.h"
#include "target/code_point.h"

namespace brine::target {

class Regex {
 public:
  static constexpr std::size_t kMaxBytes = 4096;

  // UTF-8. Fails with the place of the error for a pattern that PCRE2 does not take, or that is too long.
  static Parsed<Regex> compile(std::string_view pattern, Case letters);

  bool matches(std::string_view text) const;

 private:
  struct Compiled;
  explicit Regex(std::shared_ptr<const Compiled> compiled) : compiled_(std::move(compiled)) {}

  std::shared_ptr<const Compiled> compiled_;
};

}  // namespace brine::target
