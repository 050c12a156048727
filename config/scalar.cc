#include "config/scalar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>

namespace brine::config {
namespace {

constexpr std::array<std::string_view, 4> kNulls = {"~", "null", "Null", "NULL"};
constexpr std::array<std::string_view, 9> kTrues = {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"};
constexpr std::array<std::string_view, 9> kFalses = {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_digit_or_underscore(char c) { return is_digit(c) || c == '_'; }

std::string_view without_sign(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return text;
}

// Takes the characters at the front that pass, and says how many.
template <typename Pass>
std::size_t skip(std::string_view& text, Pass pass) {
  const auto end = std::ranges::find_if_not(text, pass);
  const auto count = static_cast<std::size_t>(end - text.begin());
  text.remove_prefix(count);
  return count;
}

bool consists_of(std::string_view text, std::string_view characters) {
  return !text.empty() && text.find_first_not_of(characters) == std::string_view::npos;
}

bool is_integer(std::string_view text) {
  text = without_sign(text);
  if (text == "0") return true;
  if (text.starts_with("0x")) return consists_of(text.substr(2), "0123456789abcdefABCDEF_");
  if (text.starts_with("0b")) return consists_of(text.substr(2), "01_");
  if (text.starts_with('0')) return consists_of(text.substr(1), "01234567_");
  return !text.empty() && is_digit(text[0]) && consists_of(text, "0123456789_");
}

bool is_infinity_or_nan(std::string_view text) {
  if (text == ".nan" || text == ".NaN" || text == ".NAN") return true;
  text = without_sign(text);
  return text == ".inf" || text == ".Inf" || text == ".INF";
}

// [-+]?digits.[digits] or .digits, then an exponent, whose sign is part of YAML 1.1's grammar.
bool is_float(std::string_view text, bool exponent_needs_sign = true) {
  if (is_infinity_or_nan(text)) return true;
  text = without_sign(text);
  const bool whole = !text.empty() && is_digit(text[0]) && skip(text, is_digit_or_underscore) > 0;
  if (!text.starts_with('.')) return false;
  text.remove_prefix(1);
  const bool fraction = !text.empty() && is_digit(text[0]);
  if (!whole && !fraction) return false;
  skip(text, is_digit_or_underscore);
  if (text.empty()) return true;
  if (text[0] != 'e' && text[0] != 'E') return false;
  text.remove_prefix(1);
  const bool has_sign = without_sign(text).size() != text.size();
  text = without_sign(text);
  return (has_sign || !exponent_needs_sign) && skip(text, is_digit) > 0 && text.empty();
}

bool is_true(std::string_view text) { return std::ranges::find(kTrues, text) != kTrues.end(); }
bool is_false(std::string_view text) { return std::ranges::find(kFalses, text) != kFalses.end(); }

std::optional<std::string> integer_json(std::string_view text) {
  const bool negative = text.starts_with('-');
  std::string digits(without_sign(text));
  std::erase(digits, '_');
  int base = 10;
  if (digits.starts_with("0x")) base = 16;
  if (digits.starts_with("0b")) base = 2;
  if (base != 10) digits.erase(0, 2);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  if (negative && value > std::uint64_t{1} << 63) return std::nullopt;
  return (negative && value != 0 ? "-" : "") + std::to_string(value);
}

std::optional<std::string> float_json(std::string_view text) {
  if (is_infinity_or_nan(text)) return std::nullopt;
  std::string digits(text.starts_with('+') ? text.substr(1) : text);
  std::erase(digits, '_');
  double value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return nlohmann::json(value).dump();
}

bool is_base_60(std::string_view text) {
  text = without_sign(text);
  if (skip(text, is_digit_or_underscore) == 0 || !text.starts_with(':')) return false;
  return consists_of(text, "0123456789:._");
}

// YYYY-M-D at the front is enough: the rest is a time of day or makes it a string for all.
bool is_date(std::string_view text) {
  if (skip(text, is_digit) != 4 || !text.starts_with('-')) return false;
  text.remove_prefix(1);
  const std::size_t month = skip(text, is_digit);
  if (month == 0 || month > 2 || !text.starts_with('-')) return false;
  text.remove_prefix(1);
  const std::size_t day = skip(text, is_digit);
  return day > 0 && day <= 2;
}

bool is_number_of_yaml_1_2(std::string_view text) {
  text = without_sign(text);
  if (text.starts_with("0o")) return consists_of(text.substr(2), "01234567");
  if (consists_of(text, "0123456789")) return true;
  if (is_float(text, false)) return true;
  const std::size_t exponent = text.find_first_of("eE");
  if (exponent == std::string_view::npos) return false;
  return consists_of(text.substr(0, exponent), "0123456789") && consists_of(without_sign(text.substr(exponent + 1)), "0123456789");
}

}  // namespace

ScalarKind plain_scalar_kind(std::string_view text) {
  if (text.empty() || std::ranges::find(kNulls, text) != kNulls.end()) return ScalarKind::kNull;
  if (is_true(text) || is_false(text)) return ScalarKind::kBool;
  if (is_integer(text)) return ScalarKind::kInteger;
  if (is_float(text)) return ScalarKind::kFloat;
  return ScalarKind::kString;
}

std::string plain_scalar_json(std::string_view text) {
  switch (plain_scalar_kind(text)) {
    case ScalarKind::kNull: return "null";
    case ScalarKind::kBool: return is_true(text) ? "true" : "false";
    case ScalarKind::kInteger:
      if (auto json = integer_json(text)) return *json;
      break;
    case ScalarKind::kFloat:
      if (auto json = float_json(text)) return *json;
      break;
    case ScalarKind::kString: break;
  }
  return json_string(text);
}

bool is_ambiguous_plain(std::string_view text) {
  return text == "=" || text == "<<" || is_base_60(text) || is_date(text) || is_number_of_yaml_1_2(text);
}

std::string json_string(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace brine::config
