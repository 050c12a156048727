#include "tests/lossy_disk/watched_files.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <optional>

#include "tests/lossy_disk/undo_log.h"

namespace brine::lossy_disk {
namespace {

struct Folders {
  std::string root;  // with '/' at the end; empty: nothing is watched
  std::string sidecar;
};

std::string real_path(const std::string& path) {
  char buffer[PATH_MAX];
  return ::realpath(path.c_str(), buffer) == nullptr ? std::string() : std::string(buffer);
}

const Folders& folders() {
  static const Folders found = [] {
    const char* root = std::getenv("LOSSY_DISK_ROOT");
    const char* sidecar = std::getenv("LOSSY_DISK_LOG");
    if (root == nullptr || sidecar == nullptr) return Folders{};
    const std::string real_root = real_path(root);
    const std::string real_sidecar = real_path(sidecar);
    if (real_root.empty() || real_sidecar.empty()) {
      std::fprintf(stderr, "lossy_disk: LOSSY_DISK_ROOT and LOSSY_DISK_LOG have to be existing folders\n");
      std::abort();
    }
    return Folders{real_root + "/", real_sidecar};
  }();
  return found;
}

std::mutex& lock_of(FileKey key) {
  static std::mutex locks[64];
  return locks[key.inode % 64];
}

bool ends_with(const std::string& text, std::string_view end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

// sqlite's -shm is mapped memory: it never was durable, and reverting deletes it.
bool is_watched(const std::string& path) {
  return !folders().root.empty() && (path + "/").compare(0, folders().root.size(), folders().root) == 0 && !ends_with(path, "-shm");
}

std::string path_of(int fd) {
  char link[64];
  char buffer[PATH_MAX];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t count = ::readlink(link, buffer, sizeof buffer);
  return count < 0 ? std::string() : std::string(buffer, static_cast<std::size_t>(count));
}

// Absolute, with its folder resolved and its last part as it is.
std::string path_of(int folder, const char* path) {
  std::string text(path);
  if (text.empty()) return {};
  if (text[0] != '/') text = (folder == AT_FDCWD ? real_path(".") : path_of(folder)) + "/" + text;
  const auto slash = text.rfind('/');
  const std::string parent = real_path(slash == 0 ? "/" : text.substr(0, slash));
  return parent.empty() ? std::string() : parent + text.substr(slash);
}

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

bool stat_fd(int fd, struct stat& info) { return ::fstat(fd, &info) == 0; }
bool stat_path(const std::string& path, struct stat& info) { return ::lstat(path.c_str(), &info) == 0; }

int open_again(const std::string& path) { return static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path.c_str(), O_RDONLY | O_CLOEXEC)); }

std::string read_range(const std::string& path, off_t offset, off_t length) {
  std::string bytes(static_cast<std::size_t>(std::max<off_t>(length, 0)), '\0');
  if (bytes.empty()) return bytes;
  const int fd = open_again(path);
  std::size_t have = 0;
  while (fd >= 0 && have < bytes.size()) {
    const long count = ::syscall(SYS_pread64, fd, bytes.data() + have, bytes.size() - have, offset + static_cast<off_t>(have));
    if (count <= 0) break;
    have += static_cast<std::size_t>(count);
  }
  if (fd >= 0) ::syscall(SYS_close, fd);
  bytes.resize(have);
  return bytes;
}

// Writes the record, makes the change, takes the record back if the change was refused. The caller holds the lock.
long with_record(FileKey key, const UndoRecord& record, const Call& call) {
  const std::string log = log_path(folders().sidecar, key);
  if (!append(log, record)) {
    errno = EIO;
    return -1;
  }
  const long result = call();
  if (result < 0) {
    const int error = errno;
    drop_last(log, record);
    errno = error;
  }
  return result;
}

UndoRecord bytes_record(const std::string& readable_path, const struct stat& info, off_t offset, off_t length) {
  const off_t end = std::min<off_t>(offset + length, info.st_size);
  UndoRecord record;
  record.kind = Kind::kBytes;
  record.order = next_order();
  record.offset = static_cast<std::uint64_t>(offset);
  record.size = static_cast<std::uint64_t>(info.st_size);
  record.bytes = read_range(readable_path, offset, end - offset);
  return record;
}

std::string proc_path(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

// The regular file behind a descriptor, if it is one that counts.
bool is_watched_file(int fd, struct stat& info) {
  return !folders().root.empty() && stat_fd(fd, info) && S_ISREG(info.st_mode) && is_watched(path_of(fd));
}

off_t place_of(int fd, const struct stat& info) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags >= 0 && (flags & O_APPEND) != 0) return info.st_size;
  return ::syscall(SYS_lseek, fd, 0L, SEEK_CUR);
}

// A second name in the sidecar keeps the file that loses its own. Empty if there is no file.
std::string save(const std::string& path) {
  const std::string saved = folders().sidecar + "/saved-" + std::to_string(next_order());
  return ::linkat(AT_FDCWD, path.c_str(), AT_FDCWD, saved.c_str(), 0) == 0 ? saved : std::string();
}

void discard(const std::string& saved) {
  const int error = errno;
  if (!saved.empty()) ::syscall(SYS_unlinkat, AT_FDCWD, saved.c_str(), 0);
  errno = error;
}

UndoRecord name_record(Kind kind, std::string path) {
  UndoRecord record;
  record.kind = kind;
  record.order = next_order();
  record.path = std::move(path);
  return record;
}

// The inode may have belonged to a file that is gone: its records are not ours.
long create(const std::string& path, const Call& call) {
  struct stat folder{};
  if (!stat_path(parent_of(path), folder)) return call();
  const std::scoped_lock guard(lock_of(key_of(folder)));
  struct stat info{};
  if (stat_path(path, info)) return call();
  return with_record(key_of(folder), name_record(Kind::kCreate, path), [&] {
    const long fd = call();
    if (fd >= 0 && stat_fd(static_cast<int>(fd), info)) clear(log_path(folders().sidecar, key_of(info)));
    return fd;
  });
}

long change_existing(const std::string& path, const struct stat& seen, off_t size, const Call& call) {
  const std::scoped_lock guard(lock_of(key_of(seen)));
  struct stat info{};
  if (!stat_path(path, info)) return call();
  return with_record(key_of(info), bytes_record(path, info, std::min(size, info.st_size), info.st_size), call);
}

}  // namespace

long change_bytes(int fd, off_t offset, off_t length, const Call& call) {
  struct stat info{};
  if (length <= 0 || !is_watched_file(fd, info)) return call();
  const std::scoped_lock guard(lock_of(key_of(info)));
  if (!stat_fd(fd, info)) return call();
  const off_t start = offset < 0 ? place_of(fd, info) : offset;
  return with_record(key_of(info), bytes_record(proc_path(fd), info, start, length), call);
}

long change_size(int fd, off_t size, const Call& call) {
  struct stat info{};
  if (size < 0 || !is_watched_file(fd, info)) return call();
  const std::scoped_lock guard(lock_of(key_of(info)));
  if (!stat_fd(fd, info)) return call();
  const off_t start = std::min(size, info.st_size);
  return with_record(key_of(info), bytes_record(proc_path(fd), info, start, info.st_size - start), call);
}

long change_by_open(int folder, const char* path, int flags, const Call& call) {
  if (folders().root.empty() || path == nullptr) return call();
  const std::string full = path_of(folder, path);
  if (!is_watched(full)) return call();
  struct stat info{};
  if (!stat_path(full, info)) return (flags & O_CREAT) != 0 ? create(full, call) : call();
  if ((flags & O_TRUNC) == 0 || (flags & O_EXCL) != 0 || !S_ISREG(info.st_mode)) return call();
  return change_existing(full, info, 0, call);
}

long change_by_truncate(const char* path, off_t size, const Call& call) {
  if (folders().root.empty() || path == nullptr || size < 0) return call();
  const std::string full = path_of(AT_FDCWD, path);
  struct stat info{};
  if (!is_watched(full) || !stat_path(full, info) || !S_ISREG(info.st_mode)) return call();
  return change_existing(full, info, size, call);
}

long change_by_unlink(int folder, const char* path, const Call& call) {
  if (folders().root.empty() || path == nullptr) return call();
  UndoRecord record = name_record(Kind::kUnlink, path_of(folder, path));
  struct stat info{};
  struct stat parent{};
  if (!is_watched(record.path) || !stat_path(record.path, info) || S_ISDIR(info.st_mode) || !stat_path(parent_of(record.path), parent))
    return call();
  const std::scoped_lock guard(lock_of(key_of(parent)));
  record.saved = save(record.path);
  if (record.saved.empty()) return call();
  const long result = with_record(key_of(parent), record, call);
  if (result < 0) discard(record.saved);
  return result;
}

long change_by_rename(int old_folder, const char* old_path, int new_folder, const char* new_path, const Call& call) {
  if (folders().root.empty() || old_path == nullptr || new_path == nullptr) return call();
  UndoRecord record = name_record(Kind::kRename, path_of(new_folder, new_path));
  record.old_path = path_of(old_folder, old_path);
  struct stat info{};
  struct stat parent{};
  if (!is_watched(record.path) || !is_watched(record.old_path) || !stat_path(record.old_path, info) || S_ISDIR(info.st_mode) ||
      !stat_path(parent_of(record.path), parent))
    return call();
  const std::scoped_lock guard(lock_of(key_of(parent)));
  record.saved = save(record.path);
  const long result = with_record(key_of(parent), record, call);
  if (result < 0) discard(record.saved);
  return result;
}

long sync(int fd, const Call& call) {
  struct stat info{};
  if (folders().root.empty() || !stat_fd(fd, info) || !is_watched(path_of(fd))) return call();
  const std::scoped_lock guard(lock_of(key_of(info)));
  const long result = call();
  if (result < 0) return result;
  const std::string log = log_path(folders().sidecar, key_of(info));
  if (S_ISDIR(info.st_mode)) {
    for (const UndoRecord& record : read_log(log)) discard(record.saved);
  }
  clear(log);
  return result;
}

}  // namespace brine::lossy_disk
