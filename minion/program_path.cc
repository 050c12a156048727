#include "minion/program_path.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

namespace brine::minion {
namespace {

bool is_file(const std::string& path) {
  struct stat info{};
  return stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode);
}

bool is_program(const std::string& path) { return is_file(path) && access(path.c_str(), X_OK) == 0; }

}  // namespace

Result<std::string> find_program(const std::string& name, std::string_view path) {
  if (name.empty()) return fail(Code::kInvalid, "the name of the program is empty");
  if (name.find('/') != std::string::npos) {
    if (is_program(name)) return name;
    if (is_file(name)) return fail(Code::kDenied, fmt::format("'{}' is not executable", name));
    return fail(Code::kNotFound, fmt::format("there is no program '{}'", name));
  }
  for (std::string_view rest = path; !rest.empty();) {
    const std::string_view folder = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), folder.size() + 1));
    if (!folder.starts_with('/')) continue;
    if (std::string candidate = fmt::format("{}/{}", folder, name); is_program(candidate)) return candidate;
  }
  return fail(Code::kNotFound, fmt::format("there is no program '{}' in PATH ({})", name, path));
}

}  // namespace brine::minion
