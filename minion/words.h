// A command line cut into words as a POSIX shell would, without running one: quotes and backslashes, no expansion of any kind.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace brine::minion {

// kInvalid when a quote is not closed or a backslash is the last character.
Result<std::vector<std::string>> split_words(std::string_view line);

}  // namespace brine::minion
