#include "target/kind.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace brine::target {
namespace {

constexpr std::array<std::string_view, 9> kNames = {"glob",   "pcre",     "list",   "grain",    "grain_pcre",
                                                    "ipcidr", "compound", "pillar", "nodegroup"};

}  // namespace

std::string_view to_string(Kind kind) { return kNames.at(static_cast<std::size_t>(kind)); }

Result<Kind> parse_kind(std::string_view name) {
  const auto found = std::ranges::find(kNames, name);
  if (found == kNames.end()) return fail(Code::kInvalid, fmt::format("unknown kind of target; known are {}", fmt::join(kNames, ", ")));
  return static_cast<Kind>(found - kNames.begin());
}

}  // namespace brine::target
