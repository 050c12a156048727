// Files that hold one password or key.
#pragma once

#include <string>

#include "base/result.h"

namespace brine {

// The content without the line breaks at its end. kInvalid when nothing is left; else fails as read_secret_file() does: others must not be
// able to read it.
Result<std::string> read_secret(const std::string& path);

}  // namespace brine
