// Which changes count, and their undo records. The interposed functions in intercept.cc are thin calls of this.
//
// Thread-safe: the change and its record, and a sync and the clearing of its log, are one step under a lock that belongs to the
// file (or folder). errno is that of the real call. A process whose environment names no LOSSY_DISK_ROOT is not affected.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

namespace brine::lossy_disk {

using Call = std::function<long()>;  // the real system call

// A change of a file's bytes in [offset, offset + length), which may move its end. offset < 0: at the descriptor's place.
long change_bytes(int fd, off_t offset, off_t length, const Call& call);
// ftruncate.
long change_size(int fd, off_t size, const Call& call);
// open with O_CREAT or O_TRUNC.
long change_by_open(int folder, const char* path, int flags, const Call& call);
long change_by_truncate(const char* path, off_t size, const Call& call);
long change_by_unlink(int folder, const char* path, const Call& call);
long change_by_rename(int old_folder, const char* old_path, int new_folder, const char* new_path, const Call& call);
// fsync or fdatasync of a file or a folder.
long sync(int fd, const Call& call);

}  // namespace brine::lossy_disk
