// Values as the command line holds them: in the order in which they came.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace brine::cli {

using Json = nlohmann::ordered_json;

// Nested deeper, a value is shown as its text: whoever prints it recurses, and minions are not trusted with our stack.
inline constexpr int kMaxDepth = 200;

// The value of JSON text that came from a master. Text that is not JSON, or nested deeper than kMaxDepth, becomes a string.
Json parse_value(std::string_view text);

// One line, or indented. What is not UTF-8 is replaced.
std::string to_text(const Json& value, int indent = -1);

}  // namespace brine::cli
