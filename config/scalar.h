// What a scalar without quotes means, as PyYAML and Salt's loader read it (YAML 1.1, https://yaml.org/type/).
//
// Different from them on purpose: base-60 numbers ("12:30") and dates stay strings, as nobody who types a time wants 750.
// As Salt does, and other than YAML 1.1: a leading zero is dropped, not octal ("0644" is 644).
#pragma once

#include <string>
#include <string_view>

namespace brine::config {

enum class ScalarKind { kNull, kBool, kInteger, kFloat, kString };

ScalarKind plain_scalar_kind(std::string_view text);

// JSON text of it. A number that JSON readers cannot hold (over 64 bits, .inf, .nan) becomes a string.
std::string plain_scalar_json(std::string_view text);

// True for text of kind kString that other readers of YAML take for something else (base 60, dates, "1e5", "0o17", "=").
bool is_ambiguous_plain(std::string_view text);

// A JSON string with its quotes. Text that is not UTF-8 loses the bad bytes to U+FFFD.
std::string json_string(std::string_view text);

}  // namespace brine::config
