#include "config/units.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace brine::config {
namespace {

constexpr double kLongestMs = 100.0 * 365 * 86400 * 1000;
constexpr double kLargestSize = 9223372036854775808.0;

constexpr std::array<std::pair<std::string_view, std::int64_t>, 5> kDurationUnits = {
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};
constexpr std::array<std::pair<std::string_view, std::uint64_t>, 4> kSizeUnits = {
    {{"TiB", 1ULL << 40}, {"GiB", 1ULL << 30}, {"MiB", 1ULL << 20}, {"KiB", 1ULL << 10}}};

struct Quantity {
  double number;
  std::string_view unit;
};

// A number of digits with at most one point, then the unit.
std::optional<Quantity> split(std::string_view text) {
  const std::size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
  double number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + end, number, std::chars_format::fixed);
  if (error != std::errc{} || stop != text.data() + end) return std::nullopt;
  return Quantity{number, text.substr(end)};
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::optional<double> size_factor(std::string_view unit) {
  if (unit.starts_with(' ')) unit.remove_prefix(1);
  if (unit.empty() || unit == "B") return 1;
  std::string rest;
  std::ranges::transform(unit.substr(1), std::back_inserter(rest), lower);
  if (!rest.empty() && rest != "b" && rest != "ib") return std::nullopt;
  for (const auto& [name, factor] : kSizeUnits) {
    if (lower(name[0]) == lower(unit[0])) return static_cast<double>(factor);
  }
  return std::nullopt;
}

}  // namespace

std::optional<milliseconds> parse_duration(std::string_view text, milliseconds plain_unit) {
  const auto quantity = split(text);
  if (!quantity) return std::nullopt;
  std::optional<double> factor;
  if (quantity->unit.empty()) factor = static_cast<double>(plain_unit.count());
  for (const auto& [name, ms] : kDurationUnits) {
    if (quantity->unit == name) factor = static_cast<double>(ms);
  }
  if (!factor || quantity->number * *factor > kLongestMs) return std::nullopt;
  return milliseconds(std::llround(quantity->number * *factor));
}

std::string print_duration(milliseconds duration) {
  if (duration.count() == 0) return "0";
  for (const auto& [name, ms] : kDurationUnits) {
    if (duration.count() % ms == 0) return std::to_string(duration.count() / ms) + std::string(name);
  }
  return std::to_string(duration.count()) + "ms";
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  const auto quantity = split(text);
  if (!quantity) return std::nullopt;
  const auto factor = size_factor(quantity->unit);
  if (!factor || quantity->number * *factor >= kLargestSize) return std::nullopt;
  return static_cast<std::uint64_t>(quantity->number * *factor);
}

std::string print_size(std::uint64_t bytes) {
  for (const auto& [name, factor] : kSizeUnits) {
    if (bytes >= factor && bytes % factor == 0) return std::to_string(bytes / factor) + std::string(name);
  }
  return std::to_string(bytes);
}

}  // namespace brine::config
