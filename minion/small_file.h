// Small text files of the system, for grains.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace brine::minion {

// The content without blanks at both ends; "" when it cannot be read.
std::string small_file(const std::string& path);

std::string_view trimmed(std::string_view text);
std::vector<std::string_view> lines_of(std::string_view text);
std::vector<std::string_view> fields_of(std::string_view line);  // by blanks

}  // namespace brine::minion
