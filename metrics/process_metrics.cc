#include "metrics/process_metrics.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <sstream>

#include "base/version.h"

namespace brine::metrics {
namespace {

constexpr int kStartTimeField = 22;  // of /proc/self/stat, proc(5)

double in_seconds(const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6; }

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return in_seconds(usage.ru_utime) + in_seconds(usage.ru_stime);
}

// place 0: all of it, 1: what is in memory.
double memory_bytes(int place) {
  std::ifstream file("/proc/self/statm");
  double pages = 0;
  for (int i = 0; i <= place; ++i) file >> pages;
  return pages * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

double open_files() {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc/self/fd"), ::closedir);
  if (!folder) return 0;
  double count = -1;  // the folder's own
  while (const dirent* entry = ::readdir(folder.get())) count += entry->d_name[0] == '.' ? 0 : 1;
  return count;
}

double file_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<double>(limit.rlim_cur);
}

double boot_time() {
  std::ifstream file("/proc/stat");
  std::string word;
  double seconds = 0;
  while (file >> word) {
    if (word == "btime" && file >> seconds) return seconds;
  }
  return 0;
}

// The name of the program, in parentheses, may hold anything: what counts comes after the last one.
double start_time() {
  std::ifstream file("/proc/self/stat");
  const std::string all((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  std::istringstream rest(all.substr(all.rfind(')') + 1));
  std::string word;
  for (int field = 3; field <= kStartTimeField; ++field) rest >> word;
  return boot_time() + std::strtod(word.c_str(), nullptr) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

}  // namespace

void declare_process_metrics(Registry& registry) {
  registry.gauge("brine_build_info", "Always 1; the version is in the label.", {{{{"version", kVersion}}, [] { return 1.0; }}});
  registry.counter("process_cpu_seconds_total", "CPU time spent in user and kernel mode.", cpu_seconds);
  registry.gauge("process_resident_memory_bytes", "Memory that is in RAM.", [] { return memory_bytes(1); });
  registry.gauge("process_virtual_memory_bytes", "Address space.", [] { return memory_bytes(0); });
  registry.gauge("process_open_fds", "Open file descriptors.", open_files);
  registry.gauge("process_max_fds", "Most file descriptors that may be open.", file_limit);
  registry.gauge("process_start_time_seconds", "When the process started, in seconds since 1970.",
                 [started = start_time()] { return started; });
}

}  // namespace brine::metrics
