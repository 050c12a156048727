#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace brine {
namespace {

Status fill(int fd, const std::string& path, std::string_view content, mode_t mode) {
  if (::fchmod(fd, mode) != 0) return fail_errno("cannot set the mode of " + path, errno);
  if (auto written = write_all(fd, content); !written) return fail(written.error(), path);
  if (::fdatasync(fd) != 0) return fail_errno("cannot sync " + path, errno);
  return {};
}

// What cannot be written whole is taken away again.
Status write_new(const std::string& path, std::string_view content, mode_t mode) {
  Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!fd.valid()) return fail_errno("cannot create " + path, errno, errno == EEXIST ? Code::kExists : Code::kUnavailable);
  auto filled = fill(fd.get(), path, content, mode);
  if (!filled) ::unlink(path.c_str());
  return filled;
}

}  // namespace

void Fd::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

Result<std::string> read_file(const std::string& path, std::size_t max_bytes) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return fail_errno("cannot read " + path, errno, errno == ENOENT ? Code::kNotFound : Code::kUnavailable);
  std::string content;
  char buffer[16384];
  while (true) {
    const ssize_t count = ::read(fd.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno("cannot read " + path, errno);
    if (count == 0) return content;
    content.append(buffer, static_cast<std::size_t>(count));
    if (content.size() > max_bytes) return fail(Code::kFull, path + " is larger than " + std::to_string(max_bytes) + " bytes");
  }
}

Result<std::string> read_secret_file(const std::string& path) {
  BRINE_LET(std::string text, read_file(path, 64U << 10));
  struct stat info{};
  if (::stat(path.c_str(), &info) == 0 && (info.st_mode & 077) != 0)
    return fail(Code::kDenied, path + " can be read by others; make it private: chmod 600 " + path);
  return text;
}

Status write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno("cannot write", errno);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

Status replace_file(const std::string& path, std::string_view content, mode_t mode) {
  const std::string fresh = path + ".new";
  ::unlink(fresh.c_str());
  BRINE_TRY(write_new(fresh, content, mode));
  if (::rename(fresh.c_str(), path.c_str()) != 0) return fail_errno("cannot replace " + path, errno);
  return sync_folder(folder_of(path));
}

Status create_file(const std::string& path, std::string_view content, mode_t mode) {
  const std::string fresh = path + ".new-" + std::to_string(::getpid());
  ::unlink(fresh.c_str());
  BRINE_TRY(write_new(fresh, content, mode));
  // Unlike rename(), link() never replaces.
  const bool linked = ::link(fresh.c_str(), path.c_str()) == 0;
  const int error = errno;
  ::unlink(fresh.c_str());
  if (!linked) return fail_errno("cannot create " + path, error, error == EEXIST ? Code::kExists : Code::kUnavailable);
  return sync_folder(folder_of(path));
}

Status make_folders(const std::string& path, mode_t mode) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (::mkdir(part.c_str(), mode) != 0 && errno != EEXIST) return fail_errno("cannot make the folder " + part, errno);
    if (end == std::string::npos) break;
  }
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return fail_errno("cannot use the folder " + path, errno);
  if (!S_ISDIR(info.st_mode)) return fail(Code::kInvalid, path + " is not a folder");
  return {};
}

Status sync_folder(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return fail_errno("cannot open the folder " + path, errno);
  if (::fsync(fd.get()) != 0) return fail_errno("cannot sync the folder " + path, errno);
  return {};
}

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace brine
