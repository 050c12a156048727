// The functions of libc that this library stands in for (LD_PRELOAD). See README.md for what is simulated and what is not.
//
// Each asks the kernel directly: no dlsym, so nothing depends on who else intercepts, and nothing is needed before main().
#include <fcntl.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>

#include "tests/lossy_disk/watched_files.h"

// The headers declare some of these with attributes and asm names of their own; only the symbols matter here.
#define LOSSY_EXPORT extern "C" __attribute__((visibility("default")))

namespace {

using brine::lossy_disk::change_by_open;
using brine::lossy_disk::change_by_rename;
using brine::lossy_disk::change_by_truncate;
using brine::lossy_disk::change_by_unlink;
using brine::lossy_disk::change_bytes;
using brine::lossy_disk::change_size;

off_t bytes_in(const iovec* parts, int count) {
  off_t sum = 0;
  for (int i = 0; i < count; ++i) sum += static_cast<off_t>(parts[i].iov_len);
  return sum;
}

int open_file(int folder, const char* path, int flags, mode_t mode) {
  const auto call = [&] { return ::syscall(SYS_openat, folder, path, flags, mode); };
  if ((flags & (O_CREAT | O_TRUNC)) == 0 || (flags & O_TMPFILE) == O_TMPFILE) return static_cast<int>(call());
  return static_cast<int>(change_by_open(folder, path, flags, call));
}

mode_t mode_of(int flags, va_list arguments) { return (flags & (O_CREAT | __O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0; }

ssize_t write_at(int fd, const void* data, size_t size, off_t offset) {
  return change_bytes(fd, offset, static_cast<off_t>(size), [&] { return ::syscall(SYS_pwrite64, fd, data, size, offset); });
}

ssize_t write_parts_at(int fd, const iovec* parts, int count, off_t offset) {
  return change_bytes(fd, offset, bytes_in(parts, count), [&] { return ::syscall(SYS_pwritev, fd, parts, count, offset, 0L); });
}

int cut(int fd, off_t size) {
  return static_cast<int>(change_size(fd, size, [&] { return ::syscall(SYS_ftruncate, fd, size); }));
}

int cut_path(const char* path, off_t size) {
  return static_cast<int>(change_by_truncate(path, size, [&] { return ::syscall(SYS_truncate, path, size); }));
}

int allocate(int fd, int mode, off_t offset, off_t length) {
  return static_cast<int>(change_bytes(fd, offset, length, [&] { return ::syscall(SYS_fallocate, fd, mode, offset, length); }));
}

int rename_file(int old_folder, const char* old_path, int new_folder, const char* new_path, unsigned flags) {
  const auto call = [&] { return ::syscall(SYS_renameat2, old_folder, old_path, new_folder, new_path, flags); };
  return static_cast<int>(change_by_rename(old_folder, old_path, new_folder, new_path, call));
}

int unlink_file(int folder, const char* path, int flags) {
  return static_cast<int>(change_by_unlink(folder, path, [&] { return ::syscall(SYS_unlinkat, folder, path, flags); }));
}

}  // namespace

#define LOSSY_OPEN(name)                                    \
  LOSSY_EXPORT int name(const char* path, int flags, ...) { \
    va_list arguments;                                      \
    va_start(arguments, flags);                             \
    const mode_t mode = mode_of(flags, arguments);          \
    va_end(arguments);                                      \
    return open_file(AT_FDCWD, path, flags, mode);          \
  }
#define LOSSY_OPENAT(name)                                              \
  LOSSY_EXPORT int name(int folder, const char* path, int flags, ...) { \
    va_list arguments;                                                  \
    va_start(arguments, flags);                                         \
    const mode_t mode = mode_of(flags, arguments);                      \
    va_end(arguments);                                                  \
    return open_file(folder, path, flags, mode);                        \
  }

LOSSY_OPEN(open)
LOSSY_OPEN(open64)
LOSSY_OPENAT(openat)
LOSSY_OPENAT(openat64)
// What -D_FORTIFY_SOURCE makes of open().
LOSSY_EXPORT int __open_2(const char* path, int flags) { return open_file(AT_FDCWD, path, flags, 0); }
LOSSY_EXPORT int __open64_2(const char* path, int flags) { return open_file(AT_FDCWD, path, flags, 0); }
LOSSY_EXPORT int __openat_2(int folder, const char* path, int flags) { return open_file(folder, path, flags, 0); }
LOSSY_EXPORT int __openat64_2(int folder, const char* path, int flags) { return open_file(folder, path, flags, 0); }
LOSSY_EXPORT int creat(const char* path, mode_t mode) { return open_file(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
LOSSY_EXPORT int creat64(const char* path, mode_t mode) { return open_file(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

LOSSY_EXPORT ssize_t write(int fd, const void* data, size_t size) {
  return change_bytes(fd, -1, static_cast<off_t>(size), [&] { return ::syscall(SYS_write, fd, data, size); });
}
LOSSY_EXPORT ssize_t writev(int fd, const iovec* parts, int count) {
  return change_bytes(fd, -1, bytes_in(parts, count), [&] { return ::syscall(SYS_writev, fd, parts, count); });
}
LOSSY_EXPORT ssize_t pwrite(int fd, const void* data, size_t size, off_t offset) { return write_at(fd, data, size, offset); }
LOSSY_EXPORT ssize_t pwrite64(int fd, const void* data, size_t size, off_t offset) { return write_at(fd, data, size, offset); }
LOSSY_EXPORT ssize_t pwritev(int fd, const iovec* parts, int count, off_t offset) { return write_parts_at(fd, parts, count, offset); }
LOSSY_EXPORT ssize_t pwritev64(int fd, const iovec* parts, int count, off_t offset) { return write_parts_at(fd, parts, count, offset); }

LOSSY_EXPORT int ftruncate(int fd, off_t size) noexcept { return cut(fd, size); }
LOSSY_EXPORT int ftruncate64(int fd, off_t size) noexcept { return cut(fd, size); }
LOSSY_EXPORT int truncate(const char* path, off_t size) noexcept { return cut_path(path, size); }
LOSSY_EXPORT int truncate64(const char* path, off_t size) noexcept { return cut_path(path, size); }
LOSSY_EXPORT int fallocate(int fd, int mode, off_t offset, off_t length) { return allocate(fd, mode, offset, length); }
LOSSY_EXPORT int fallocate64(int fd, int mode, off_t offset, off_t length) { return allocate(fd, mode, offset, length); }
LOSSY_EXPORT int posix_fallocate(int fd, off_t offset, off_t length) { return allocate(fd, 0, offset, length) == 0 ? 0 : errno; }
LOSSY_EXPORT int posix_fallocate64(int fd, off_t offset, off_t length) { return allocate(fd, 0, offset, length) == 0 ? 0 : errno; }

LOSSY_EXPORT int rename(const char* from, const char* to) noexcept { return rename_file(AT_FDCWD, from, AT_FDCWD, to, 0); }
LOSSY_EXPORT int renameat(int from_folder, const char* from, int to_folder, const char* to) noexcept {
  return rename_file(from_folder, from, to_folder, to, 0);
}
LOSSY_EXPORT int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) noexcept {
  return rename_file(from_folder, from, to_folder, to, flags);
}
LOSSY_EXPORT int unlink(const char* path) noexcept { return unlink_file(AT_FDCWD, path, 0); }
LOSSY_EXPORT int unlinkat(int folder, const char* path, int flags) noexcept { return unlink_file(folder, path, flags); }

LOSSY_EXPORT int fsync(int fd) {
  return static_cast<int>(brine::lossy_disk::sync(fd, [&] { return ::syscall(SYS_fsync, fd); }));
}
LOSSY_EXPORT int fdatasync(int fd) {
  return static_cast<int>(brine::lossy_disk::sync(fd, [&] { return ::syscall(SYS_fdatasync, fd); }));
}
