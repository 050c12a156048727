#include "master/autosign.h"

#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "base/file.h"
#include "base/log.h"
#include "target/expression.h"

namespace brine::master {
namespace {

class AutosignFile {
 public:
  explicit AutosignFile(std::string path) : path_(std::move(path)) {}

  bool accepts(const MinionId& id) {
    refresh();
    return std::any_of(globs_.begin(), globs_.end(),
                       [&](const target::Expression& glob) { return glob.matches({.id = id.str(), .grains = nullptr}); });
  }

 private:
  void refresh() {
    struct stat info{};
    if (::stat(path_.c_str(), &info) != 0) return forget();
    if ((info.st_mode & 022) != 0) {
      log::error("autosign_file {} can be written by others: ignored", path_);
      return forget();
    }
    if (info.st_mtim.tv_sec == read_at_.tv_sec && info.st_mtim.tv_nsec == read_at_.tv_nsec) return;
    read_at_ = info.st_mtim;
    globs_.clear();
    const auto text = read_file(path_, 1U << 20);
    if (!text) return log::error("{}", text.error().message);
    for (std::size_t at = 0; at < text->size();) {
      const std::size_t end = std::min(text->find('\n', at), text->size());
      add(text->substr(at, end - at));
      at = end + 1;
    }
  }

  // To be read again when it is back or mended, though its time may be the same.
  void forget() {
    globs_.clear();
    read_at_ = {};
  }

  void add(std::string line) {
    line.resize(std::min(line.find('#'), line.size()));
    line.erase(0, line.find_first_not_of(" \t"));
    while (!line.empty() && (line.back() == ' ' || line.back() == '\t' || line.back() == '\r')) line.pop_back();
    if (line.empty()) return;
    auto glob = target::parse(target::Kind::kGlob, line);
    if (!glob) return log::error("{}: {}", path_, glob.error().message);
    globs_.push_back(std::move(*glob));
  }

  const std::string path_;
  timespec read_at_{};
  std::vector<target::Expression> globs_;
};

}  // namespace

std::function<bool(const MinionId&)> autosign_by_file(std::string path) {
  return [file = std::make_shared<AutosignFile>(std::move(path))](const MinionId& id) { return file->accepts(id); };
}

}  // namespace brine::master
