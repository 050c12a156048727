// Salt's default output: indented blocks, keys sorted.
#pragma once

#include <string>

#include "cli/json.h"
#include "cli/output/look.h"

namespace brine::cli {

// Lines, each ended by a newline; none for an empty string or list. With another retcode than 0 keys and lists are red.
std::string nested_text(const Json& value, const Look& look, int retcode = 0);

}  // namespace brine::cli
