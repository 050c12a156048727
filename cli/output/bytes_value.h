// {"__bytes__": "<base64>"}: bytes that are not UTF-8 (minion/function.h, bytes_to_json).
#pragma once

#include <optional>
#include <string>

#include "cli/json.h"

namespace brine::cli {

// The bytes, if this is such a value.
std::optional<std::string> bytes_of(const Json& value);

}  // namespace brine::cli
