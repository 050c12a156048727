#include "minion/small_file.h"

#include "base/file.h"

namespace brine::minion {
namespace {

constexpr std::size_t kMaxBytes = 4U << 20;  // /proc/cpuinfo of a large machine
constexpr std::string_view kBlank = " \t\r\n";

std::vector<std::string_view> cut(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> parts;
  for (std::size_t at = text.find_first_not_of(separators); at != std::string_view::npos;) {
    const std::size_t end = text.find_first_of(separators, at);
    parts.push_back(text.substr(at, end - at));
    at = text.find_first_not_of(separators, end);
  }
  return parts;
}

}  // namespace

std::string small_file(const std::string& path) {
  const auto content = read_file(path, kMaxBytes);
  return content ? std::string(trimmed(*content)) : std::string();
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::vector<std::string_view> lines_of(std::string_view text) { return cut(text, "\n"); }
std::vector<std::string_view> fields_of(std::string_view line) { return cut(line, kBlank); }

}  // namespace brine::minion
