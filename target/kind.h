// The kinds of target expression, under the names that Salt gives them (tgt_type).
#pragma once

#include <string_view>

#include "base/result.h"

namespace brine::target {

enum class Kind { kGlob, kRegex, kList, kGrain, kGrainRegex, kSubnet, kCompound, kPillar, kNodegroup };

// "glob", "pcre", "list", "grain", "grain_pcre", "ipcidr", "compound", "pillar", "nodegroup".
std::string_view to_string(Kind kind);
// Fails with kInvalid and the list of names.
Result<Kind> parse_kind(std::string_view name);

}  // namespace brine::target
