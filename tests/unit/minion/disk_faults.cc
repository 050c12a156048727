#include "tests/unit/minion/disk_faults.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace brine::minion {

DiskFaults& disk_faults() {
  static DiskFaults faults;
  return faults;
}

namespace {

bool strikes(int& faults) {
  if (faults == 0) return false;
  --faults;
  errno = EIO;
  return true;
}

}  // namespace
}  // namespace brine::minion

using brine::minion::disk_faults;

extern "C" {

int fdatasync(int /*fd*/) {
  ++disk_faults().file_syncs;
  if (const auto hook = std::exchange(disk_faults().during_file_sync, nullptr)) hook();
  return brine::minion::strikes(disk_faults().fail_file_syncs) ? -1 : 0;
}

int fsync(int /*fd*/) {
  ++disk_faults().folder_syncs;
  return brine::minion::strikes(disk_faults().fail_folder_syncs) ? -1 : 0;
}

int ftruncate(int fd, off_t size) noexcept {
  if (brine::minion::strikes(disk_faults().fail_truncations)) return -1;
  return static_cast<int>(::syscall(SYS_ftruncate, fd, size));
}

int flock(int fd, int operation) noexcept {
  if (const auto hook = std::exchange(disk_faults().before_lock, nullptr)) hook();
  return static_cast<int>(::syscall(SYS_flock, fd, operation));
}
}
