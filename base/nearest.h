// What somebody who mistyped a name probably meant.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace brine {

// Insertions, deletions, replacements and swaps of neighbours that turn a into b (optimal string alignment). Time and memory
// grow with the product of the lengths: bound untrusted text first.
std::size_t edit_distance(std::string_view a, std::string_view b);

// Those of the known names that look like name, nearest first (then in the order given), at most `most`. A name looks like another when
// about a third of it may be wrong, or when it is only the beginning of it. Names longer than 128 bytes look like none.
std::vector<std::string> nearest_names(std::string_view name, std::span<const std::string> known, std::size_t most = 3);

}  // namespace brine
