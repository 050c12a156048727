// A disk that fails when a test wants it to. The test program has its own fdatasync(), fsync(), ftruncate() and flock(), which the
// journal then calls; they do what the kernel's do unless told otherwise here. Syncs are counted and, being slow, not done at all: no
// test cuts the power (tests/lossy_disk does).
#pragma once

#include <sys/resource.h>

#include <atomic>
#include <csignal>
#include <functional>

namespace brine::minion {

struct DiskFaults {
  std::atomic<int> file_syncs{0};
  std::atomic<int> folder_syncs{0};
  int fail_file_syncs = 0;    // the next ones, with EIO
  int fail_folder_syncs = 0;  // the next ones, with EIO
  int fail_truncations = 0;   // the next ones, with EIO
  // Called once, in the middle of flock() and of fdatasync().
  std::function<void()> before_lock;
  std::function<void()> during_file_sync;
};

DiskFaults& disk_faults();

// No file grows beyond this size while it lives: write() writes what fits, and then fails with EFBIG.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(std::size_t bytes) : old_handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &old_);
    const rlimit limit{bytes, old_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &old_);
    std::signal(SIGXFSZ, old_handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit old_{};
  void (*old_handler_)(int);
};

}  // namespace brine::minion
