// The log: one line per event, to standard error and, when asked, to a file.
//
// Thread-safe. Arguments are formatted with fmt syntax. Secrets (keys, tickets, function arguments) are never arguments.
#pragma once

#include <fmt/core.h>

#include <string>
#include <string_view>

#include "base/result.h"

namespace brine::log {

// Salt's names: error, warning, info, debug. ("quiet" silences, "all"/"trace" mean debug.)
enum class Level { kDebug, kInfo, kWarning, kError, kQuiet };

Result<Level> parse_level(std::string_view text);

// Call once at start, before threads. file may be empty; then only standard error is written to.
Status open(std::string_view program, Level level, const std::string& file);

bool enabled(Level level);
void write(Level level, std::string_view line);

template <typename... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::kDebug)) write(Level::kDebug, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::kInfo)) write(Level::kInfo, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void warning(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::kWarning)) write(Level::kWarning, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::kError)) write(Level::kError, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace brine::log
