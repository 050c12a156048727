#include "base/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>

namespace brine::log {
namespace {

std::atomic<Level> current_level{Level::kWarning};

spdlog::level::level_enum native(Level level) {
  switch (level) {
    case Level::kDebug: return spdlog::level::debug;
    case Level::kInfo: return spdlog::level::info;
    case Level::kWarning: return spdlog::level::warn;
    case Level::kError: return spdlog::level::err;
    case Level::kQuiet: return spdlog::level::off;
  }
  return spdlog::level::info;
}

}  // namespace

Result<Level> parse_level(std::string_view text) {
  if (text == "debug" || text == "all" || text == "trace" || text == "garbage" || text == "profile") return Level::kDebug;
  if (text == "info") return Level::kInfo;
  if (text == "warning" || text == "warn") return Level::kWarning;
  if (text == "error" || text == "critical") return Level::kError;
  if (text == "quiet") return Level::kQuiet;
  return fail(Code::kInvalid, fmt::format("unknown log level '{}'; one of debug, info, warning, error, quiet", text));
}

Status open(std::string_view program, Level level, const std::string& file) {
  try {
    std::vector<spdlog::sink_ptr> sinks{std::make_shared<spdlog::sinks::stderr_sink_mt>()};
    if (!file.empty()) sinks.push_back(std::make_shared<spdlog::sinks::basic_file_sink_mt>(file));
    auto logger = std::make_shared<spdlog::logger>(std::string(program), sinks.begin(), sinks.end());
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%f %^%l%$ %n: %v", spdlog::pattern_time_type::utc);
    logger->set_level(native(level));
    logger->flush_on(spdlog::level::debug);
    spdlog::set_default_logger(std::move(logger));
  } catch (const spdlog::spdlog_ex& e) {
    return fail(Code::kUnavailable, fmt::format("cannot open the log file {}: {}", file, e.what()));
  }
  current_level = level;
  return {};
}

bool enabled(Level level) { return level >= current_level.load(std::memory_order_relaxed); }

void write(Level level, std::string_view line) { spdlog::log(native(level), "{}", line); }

}  // namespace brine::log
