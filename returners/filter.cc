#include "returners/filter.h"

#include <algorithm>

namespace brine::returners {
namespace {

bool any_outcome(const std::vector<std::string>& names, const store::ReturnRecord& value) {
  const bool failed = !value.success && value.outcome != store::Outcome::kNoMatch;
  return std::ranges::any_of(names, [&](const std::string& name) {
    if (name == "success") return value.success;
    if (name == "failure") return failed;
    return name == to_string(value.outcome);
  });
}

}  // namespace

Result<std::vector<target::Glob>> compile_globs(const std::vector<std::string>& patterns) {
  std::vector<target::Glob> globs;
  for (const std::string& pattern : patterns) {
    auto glob = target::Glob::compile(pattern, target::Case::kSensitive);
    if (!glob) return fail(Code::kInvalid, "the pattern '" + pattern.substr(0, 40) + "...' is too long");
    globs.push_back(std::move(*glob));
  }
  return globs;
}

bool any_matches(const std::vector<target::Glob>& globs, std::string_view text) {
  return std::ranges::any_of(globs, [text](const target::Glob& glob) { return glob.matches(text); });
}

Result<Filter::Lists> Filter::compile(const config::ReturnerFilter& filter) {
  Lists lists;
  BRINE_LET(lists.functions, compile_globs(filter.functions));
  BRINE_LET(lists.minions, compile_globs(filter.minions));
  lists.outcomes = filter.outcomes;
  return lists;
}

Result<Filter> Filter::make(const config::ReturnerFilter& only, const config::ReturnerFilter& except) {
  Filter filter;
  BRINE_LET(filter.only_, compile(only));
  BRINE_LET(filter.except_, compile(except));
  return filter;
}

bool Filter::takes(const store::OutboxEntry& entry) const {
  const std::string_view minion = entry.value.minion.str();
  if (!entry.late) {
    if (!only_.functions.empty() && !any_matches(only_.functions, entry.function)) return false;
    if (any_matches(except_.functions, entry.function)) return false;
  }
  if (!only_.minions.empty() && !any_matches(only_.minions, minion)) return false;
  if (!only_.outcomes.empty() && !any_outcome(only_.outcomes, entry.value)) return false;
  return !any_matches(except_.minions, minion) && !any_outcome(except_.outcomes, entry.value);
}

}  // namespace brine::returners
