#include "config/config_files.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/file.h"

namespace brine::config {
namespace {

namespace fs = std::filesystem;

Result<std::vector<std::string>> conf_files_in(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> files;
  if (!fs::is_directory(folder, error)) return files;
  fs::directory_iterator entries(folder, error);
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    const std::string name = entries->path().filename();
    if (name.ends_with(".conf") && !name.starts_with('.')) files.push_back(entries->path());
  }
  if (error) return fail(Code::kUnavailable, "cannot list " + folder + ": " + error.message());
  std::ranges::sort(files);
  return files;
}

void read_one(const std::string& file, Schema& schema, Problems& problems) {
  const auto text = read_file(file, kMaxYamlBytes);
  if (!text) return problems.add(file, 0, text.error().message);
  const auto tree = parse_yaml(*text);
  if (!tree) return problems.add(file, tree.error());
  schema.read(*tree, file, problems);
}

}  // namespace

Result<std::vector<std::string>> config_files(const std::string& dir, const std::string& name) {
  std::error_code error;
  if (!fs::is_directory(dir, error)) {
    return fail(Code::kNotFound, "there is no configuration folder " + dir + ": make it (the file " + dir + "/" + name +
                                     " may stay away), or name another with -c");
  }
  const std::string main_file = (fs::path(dir) / name).string();
  std::vector<std::string> files;
  if (fs::exists(fs::symlink_status(main_file, error))) files.push_back(main_file);
  BRINE_LET(auto more, conf_files_in(main_file + ".d"));
  std::ranges::move(more, std::back_inserter(files));
  return files;
}

Status read_config(const std::string& dir, const std::string& name, Schema& schema, Problems& problems) {
  BRINE_LET(const auto files, config_files(dir, name));
  for (const std::string& file : files) read_one(file, schema, problems);
  return {};
}

std::string below_root(const std::string& root_dir, const std::string& path) {
  if (path.empty()) return path;
  const fs::path root = fs::absolute(root_dir).lexically_normal();
  const fs::path wanted = fs::path(path).lexically_normal();
  const auto [end, ignored] = std::mismatch(root.begin(), root.end(), wanted.begin(), wanted.end());
  const bool is_below = end == root.end() || (std::next(end) == root.end() && end->empty());
  if (wanted.is_absolute() && is_below) return wanted;
  return (root / wanted.relative_path()).lexically_normal();
}

std::string host_name() {
  char name[256] = {};
  if (::gethostname(name, sizeof name - 1) != 0) return "";
  return name;
}

}  // namespace brine::config
