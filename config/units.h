// Durations and sizes as people write them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace brine::config {

using std::chrono::milliseconds;

// "500ms", "10s", "5m", "2h", "1d", or a plain number of plain_unit; fractions allowed ("0.5", "1.5h"). Empty when it is none of these,
// negative, or longer than 100 years.
std::optional<milliseconds> parse_duration(std::string_view text, milliseconds plain_unit = std::chrono::seconds(1));

// The shortest such text: "500ms", "5s", "1d".
std::string print_duration(milliseconds duration);

// A number of bytes, with KiB, MiB, GiB, TiB (1024) or KB, MB, GB, TB, K, M, G, T (also 1024, as Salt and most daemons read them) behind
// it; case does not matter, one blank may stand between. Empty when it is none of these or exceeds 2^63.
std::optional<std::uint64_t> parse_size(std::string_view text);

// "10MiB", "1000".
std::string print_size(std::uint64_t bytes);

}  // namespace brine::config
