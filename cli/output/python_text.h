// Values as Python writes them: what Salt's `raw` and `txt` show.
#pragma once

#include <string>

#include "cli/json.h"

namespace brine::cli {

// repr(): {'m1': True, 'n': None, 's': 'it\'s'}. Bytes that are not UTF-8 are b'...'.
std::string python_repr(const Json& value);

// str(): like repr(), but a string is itself and bytes are themselves.
std::string python_str(const Json& value);

}  // namespace brine::cli
