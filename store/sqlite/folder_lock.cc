#include "store/sqlite/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace brine::store::sqlite {
namespace {

std::string holder(int fd) {
  char text[32];
  const ssize_t count = ::pread(fd, text, sizeof text, 0);
  std::string pid(text, count > 0 ? static_cast<std::size_t>(count) : 0);
  while (!pid.empty() && pid.back() == '\n') pid.pop_back();
  return pid.empty() ? "unknown" : pid;
}

}  // namespace

Result<Fd> lock_folder(const std::string& folder) {
  const std::string path = folder + "/lock";
  Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) return fail_errno("cannot open " + path + " (is the folder writable?)", errno);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return fail_errno("cannot lock " + path, errno);
    return fail(Code::kUnavailable, folder + " is in use by pid " + holder(fd.get()) + "; only one process may use a store");
  }
  if (::ftruncate(fd.get(), 0) != 0) return fail_errno("cannot write " + path, errno);
  if (auto written = write_all(fd.get(), std::to_string(::getpid()) + "\n"); !written) return fail(written.error(), path);
  return fd;
}

}  // namespace brine::store::sqlite
