// LD_PRELOAD: a wall clock that is ahead or behind, and a disk that is slow to sync, while the file named by CHAOS_TROUBLE says so:
// eight bytes microseconds ahead, eight bytes microseconds that each sync takes longer (both int64, of this machine's byte order).
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <ctime>

#define TROUBLE_EXPORT extern "C" __attribute__((visibility("default")))

namespace {

struct Trouble {
  std::atomic<std::int64_t> ahead;
  std::atomic<std::int64_t> sync;
};

const Trouble& trouble() {
  static const Trouble none{};
  static const Trouble* const mapped = [] {
    const char* path = std::getenv("CHAOS_TROUBLE");
    const int fd = path == nullptr ? -1 : ::open(path, O_RDONLY | O_CLOEXEC);
    void* page = fd < 0 ? MAP_FAILED : ::mmap(nullptr, sizeof(Trouble), PROT_READ, MAP_SHARED, fd, 0);
    if (fd >= 0) ::close(fd);
    return page == MAP_FAILED ? &none : static_cast<const Trouble*>(page);
  }();
  return *mapped;
}

timespec wall_clock() {
  timespec now{};
  ::syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
  const std::int64_t nanos = now.tv_sec * 1'000'000'000 + now.tv_nsec + trouble().ahead * 1'000;
  return {nanos / 1'000'000'000, nanos % 1'000'000'000};
}

int sync_slowly(long call, int fd) {
  const std::int64_t micros = trouble().sync;
  if (micros > 0) {
    const timespec wait{micros / 1'000'000, micros % 1'000'000 * 1'000};
    ::nanosleep(&wait, nullptr);
  }
  return static_cast<int>(::syscall(call, fd));
}

}  // namespace

TROUBLE_EXPORT int clock_gettime(clockid_t clock, timespec* now) noexcept {
  if (clock != CLOCK_REALTIME) return static_cast<int>(::syscall(SYS_clock_gettime, clock, now));
  *now = wall_clock();
  return 0;
}

TROUBLE_EXPORT int gettimeofday(timeval* now, void*) noexcept {
  const timespec wall = wall_clock();
  *now = {wall.tv_sec, wall.tv_nsec / 1'000};
  return 0;
}

TROUBLE_EXPORT time_t time(time_t* now) noexcept {
  const time_t seconds = wall_clock().tv_sec;
  if (now != nullptr) *now = seconds;
  return seconds;
}

TROUBLE_EXPORT int fsync(int fd) { return sync_slowly(SYS_fsync, fd); }
TROUBLE_EXPORT int fdatasync(int fd) { return sync_slowly(SYS_fdatasync, fd); }
