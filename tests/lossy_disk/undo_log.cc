#include "tests/lossy_disk/undo_log.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstring>

namespace brine::lossy_disk {
namespace {

struct Header {
  std::uint32_t length;  // of all that follows this number
  Kind kind;
  std::uint64_t order;
  std::uint64_t offset;
  std::uint64_t size;
  std::uint32_t lengths[4];  // bytes, path, old_path, saved
};
static_assert(sizeof(Header) == 48);

int open_log(const std::string& log, int flags) {
  return static_cast<int>(::syscall(SYS_openat, AT_FDCWD, log.c_str(), flags | O_CLOEXEC, 0600));
}
void close_log(int fd) { ::syscall(SYS_close, fd); }

std::string encode(const UndoRecord& record) {
  const std::string* const texts[] = {&record.bytes, &record.path, &record.old_path, &record.saved};
  Header header{};
  header.kind = record.kind;
  header.order = record.order;
  header.offset = record.offset;
  header.size = record.size;
  std::size_t length = sizeof header - sizeof header.length;
  for (std::size_t i = 0; i < 4; ++i) {
    header.lengths[i] = static_cast<std::uint32_t>(texts[i]->size());
    length += texts[i]->size();
  }
  header.length = static_cast<std::uint32_t>(length);
  std::string out(reinterpret_cast<const char*>(&header), sizeof header);
  for (const std::string* text : texts) out += *text;
  return out;
}

std::string read_all(int fd) {
  std::string content;
  char buffer[65536];
  while (true) {
    const long count = ::syscall(SYS_read, fd, buffer, sizeof buffer);
    if (count <= 0) return content;
    content.append(buffer, static_cast<std::size_t>(count));
  }
}

}  // namespace

FileKey key_of(const struct stat& info) { return {info.st_dev, info.st_ino}; }

std::string log_path(const std::string& sidecar, FileKey key) {
  return sidecar + "/" + std::to_string(key.device) + "-" + std::to_string(key.inode) + ".undo";
}

bool parse_log_path(std::string_view name, FileKey& key) {
  unsigned long device = 0;
  unsigned long inode = 0;
  int end = 0;
  const std::string text(name);
  if (std::sscanf(text.c_str(), "%lu-%lu.undo%n", &device, &inode, &end) != 2 || static_cast<std::size_t>(end) != text.size()) return false;
  key = {device, inode};
  return true;
}

std::uint64_t next_order() {
  static std::atomic<std::uint64_t> last{0};
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  const auto nanoseconds = static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
  std::uint64_t previous = last.load();
  std::uint64_t order = 0;
  do {
    order = nanoseconds > previous ? nanoseconds : previous + 1;
  } while (!last.compare_exchange_weak(previous, order));
  return order;
}

bool append(const std::string& log, const UndoRecord& record) {
  const int fd = open_log(log, O_WRONLY | O_CREAT | O_APPEND);
  if (fd < 0) return false;
  const std::string bytes = encode(record);
  const long written = ::syscall(SYS_write, fd, bytes.data(), bytes.size());
  close_log(fd);
  return written == static_cast<long>(bytes.size());
}

void drop_last(const std::string& log, const UndoRecord& record) {
  const int fd = open_log(log, O_RDWR);
  if (fd < 0) return;
  const long end = ::syscall(SYS_lseek, fd, 0L, SEEK_END);
  ::syscall(SYS_ftruncate, fd, end - static_cast<long>(encode(record).size()));
  close_log(fd);
}

std::vector<UndoRecord> read_log(const std::string& log) {
  std::vector<UndoRecord> records;
  const int fd = open_log(log, O_RDONLY);
  if (fd < 0) return records;
  const std::string content = read_all(fd);
  close_log(fd);
  std::size_t at = 0;
  Header header{};
  while (content.size() - at >= sizeof header) {
    std::memcpy(&header, content.data() + at, sizeof header);
    if (content.size() - at < header.length + sizeof header.length) break;
    UndoRecord record{header.kind, header.order, header.offset, header.size, {}, {}, {}, {}};
    std::size_t text = at + sizeof header;
    std::string* const texts[] = {&record.bytes, &record.path, &record.old_path, &record.saved};
    for (std::size_t i = 0; i < 4; text += header.lengths[i], ++i) *texts[i] = content.substr(text, header.lengths[i]);
    records.push_back(std::move(record));
    at += header.length + sizeof header.length;
  }
  return records;
}

void clear(const std::string& log) {
  const int fd = open_log(log, O_WRONLY);
  if (fd < 0) return;
  ::syscall(SYS_ftruncate, fd, 0L);
  close_log(fd);
}

}  // namespace brine::lossy_disk
