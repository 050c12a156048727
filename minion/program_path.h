// Where a program lies.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace brine::minion {

// PATH when there is none.
inline constexpr std::string_view kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// A name with '/' is taken as it is, any other looked for in the folders of path ("a:b:c"; relative folders are skipped). kNotFound when
// there is no such file, kDenied when it is there and cannot be executed.
Result<std::string> find_program(const std::string& name, std::string_view path);

}  // namespace brine::minion
