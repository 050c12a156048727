// Files: the few operations we need, with errors as values and durability said.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace brine {

// Owns a file descriptor. Movable, closes on destruction.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~Fd() { reset(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

// The whole content. kNotFound when there is no such file; kFull when it is larger than max_bytes.
Result<std::string> read_file(const std::string& path, std::size_t max_bytes = 64U << 20);

// A file of at most 64 KiB that nobody but its owner may read: kDenied when its mode lets others.
Result<std::string> read_secret_file(const std::string& path);

// Writes all bytes, repeating short writes.
Status write_all(int fd, std::string_view bytes);

// Replaces path in one step: new file beside it with this mode, fdatasync, rename, fsync of the folder. The old content or the
// new one is there after a crash, never a part.
Status replace_file(const std::string& path, std::string_view content, mode_t mode);

// Makes a new file with this mode and syncs it and its folder; kExists when there is one already. After a crash it is there whole or
// not at all.
Status create_file(const std::string& path, std::string_view content, mode_t mode);

// Makes the folder and those above it; what it makes has this mode. Existing folders are left alone.
Status make_folders(const std::string& path, mode_t mode);

// Makes entries created or renamed in this folder durable.
Status sync_folder(const std::string& path);

std::string folder_of(const std::string& path);

}  // namespace brine
