// lossy_disk_revert ROOT SIDECAR: makes the files below ROOT what they would be after the power had failed at the moment when the
// processes that ran with lossy_disk.so were killed. Prints how many changes it undid. Empties the sidecar folder.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <map>
#include <utility>

#include "tests/lossy_disk/undo_log.h"

namespace {

namespace fs = std::filesystem;
using brine::lossy_disk::FileKey;
using brine::lossy_disk::Kind;
using brine::lossy_disk::UndoRecord;

using Undo = std::pair<FileKey, UndoRecord>;

std::vector<Undo> newest_first(const fs::path& sidecar) {
  std::vector<Undo> all;
  for (const auto& entry : fs::directory_iterator(sidecar)) {
    FileKey key;
    if (!brine::lossy_disk::parse_log_path(entry.path().filename().string(), key)) continue;
    for (auto& record : brine::lossy_disk::read_log(entry.path().string())) all.emplace_back(key, std::move(record));
  }
  std::sort(all.begin(), all.end(), [](const Undo& a, const Undo& b) { return a.second.order > b.second.order; });
  return all;
}

// Descriptors stay right while the names change.
class OpenFiles {
 public:
  void add(const fs::path& path) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    struct stat info{};
    if (fd < 0 || ::fstat(fd, &info) != 0) return;
    if (!files_.emplace(brine::lossy_disk::key_of(info), fd).second) ::close(fd);
  }
  int find(FileKey key) const {
    const auto found = files_.find(key);
    return found == files_.end() ? -1 : found->second;
  }

 private:
  std::map<FileKey, int> files_;
};

bool restore_bytes(int fd, const UndoRecord& record) {
  if (fd < 0) return true;
  std::size_t done = 0;
  while (done < record.bytes.size()) {
    const ssize_t count = ::pwrite(fd, record.bytes.data() + done, record.bytes.size() - done, static_cast<off_t>(record.offset + done));
    if (count <= 0) return false;
    done += static_cast<std::size_t>(count);
  }
  return ::ftruncate(fd, static_cast<off_t>(record.size)) == 0;
}

// A name that is not there any more is no failure: the process may have been killed before it made the change.
bool undo(const UndoRecord& record, const OpenFiles& files, FileKey key) {
  switch (record.kind) {
    case Kind::kBytes: return restore_bytes(files.find(key), record);
    case Kind::kCreate: return ::unlink(record.path.c_str()) == 0 || errno == ENOENT;
    case Kind::kUnlink: return ::rename(record.saved.c_str(), record.path.c_str()) == 0;
    case Kind::kRename:
      if (::access(record.old_path.c_str(), F_OK) == 0) return true;
      if (::rename(record.path.c_str(), record.old_path.c_str()) != 0) return false;
      return record.saved.empty() || ::rename(record.saved.c_str(), record.path.c_str()) == 0;
  }
  return false;
}

template <typename Visit>
void each_file(const fs::path& folder, Visit visit) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() && !entry.is_symlink()) files.push_back(entry.path());
  }
  for (const auto& file : files) visit(file);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: lossy_disk_revert ROOT SIDECAR\n");
    return 4;
  }
  const fs::path root = argv[1];
  const fs::path sidecar = argv[2];
  const auto records = newest_first(sidecar);
  OpenFiles files;
  each_file(root, [&](const fs::path& path) { files.add(path); });
  each_file(sidecar, [&](const fs::path& path) { files.add(path); });
  for (const auto& [key, record] : records) {
    if (undo(record, files, key)) continue;
    std::fprintf(stderr, "lossy_disk_revert: cannot undo a change of %s: %m\n", record.path.c_str());
    return 1;
  }
  each_file(root, [](const fs::path& path) {
    if (path.string().ends_with("-shm")) fs::remove(path);
  });
  each_file(sidecar, [](const fs::path& path) { fs::remove(path); });
  std::printf("%zu\n", records.size());
  return 0;
}
