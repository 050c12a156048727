// A returner that appends to a file, one line for each record. Settings: {"path": "/var/lib/x/lines", "max_bytes": 1000}; a record longer
// than max_bytes is refused.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>

#include "brine_returner.h"

namespace {

struct Appender {
  std::string path;
  std::size_t max_bytes = 0;
};

void* open_appender(const char* settings_json, char* error, size_t error_size) {
  try {
    const auto settings = nlohmann::json::parse(settings_json);
    return new Appender{settings.at("path"), settings.value("max_bytes", std::size_t{1'000'000})};
  } catch (const std::exception& problem) {  // none may leave
    std::snprintf(error, error_size, "%s", problem.what());
    return nullptr;
  }
}

// All lines, and on the disk; or none.
bool append(const std::string& path, const std::string& lines) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  if (file < 0) return false;
  const off_t before = ::lseek(file, 0, SEEK_END);
  const bool written = ::write(file, lines.data(), lines.size()) == static_cast<ssize_t>(lines.size()) && ::fdatasync(file) == 0;
  const int why = errno;
  if (!written && ::ftruncate(file, before) != 0) std::perror("ftruncate");
  ::close(file);
  errno = why;
  return written;
}

size_t deliver(void* handle, const brine_record* records, size_t count, const brine_delivery* delivery) {
  const auto& appender = *static_cast<const Appender*>(handle);
  try {
    std::string lines;
    for (size_t i = 0; i < count; ++i) {
      if (records[i].json_length <= appender.max_bytes) lines.append(records[i].json, records[i].json_length).push_back('\n');
    }
    if (!append(appender.path, lines)) {
      delivery->away(delivery->context, (appender.path + ": " + std::strerror(errno)).c_str());
      return 0;
    }
  } catch (const std::exception& problem) {
    delivery->away(delivery->context, problem.what());
    return 0;
  }
  for (size_t i = 0; i < count; ++i) {
    if (records[i].json_length > appender.max_bytes) delivery->refuse(delivery->context, i, "longer than max_bytes");
  }
  return count;
}

void close_appender(void* handle) { delete static_cast<Appender*>(handle); }

}  // namespace

extern "C" const brine_returner_plugin* brine_returner_plugin_v1(void) {
  static const brine_returner_plugin kPlugin = {BRINE_RETURNER_ABI_VERSION, &open_appender, &deliver, &close_appender};
  return &kPlugin;
}
