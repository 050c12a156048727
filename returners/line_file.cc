#include "returners/line_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace brine::returners {

Status LineFile::open() {
  BRINE_TRY(make_folders(folder_of(options_.path), 0750));
  Fd fd(::open(options_.path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
  if (!fd.valid()) return fail_errno("cannot write " + options_.path, errno);
  BRINE_LET(size_, cut_torn_line(fd.get()));
  BRINE_TRY(sync_folder(folder_of(options_.path)));
  fd_ = std::move(fd);
  return {};
}

Status LineFile::append(std::string_view lines) {
  if (!fd_.valid() || is_deleted()) BRINE_TRY(open());
  if (size_ > 0 && size_ + lines.size() > options_.max_bytes) BRINE_TRY(rotate());
  if (auto written = write_synced(lines); !written) {
    // A part of a line may stand there: cut it off, so that the retry begins a line.
    if (::ftruncate(fd_.get(), static_cast<off_t>(size_)) != 0) fd_.reset();
    return written;
  }
  size_ += lines.size();
  return {};
}

// What is written to a file without a name is lost.
bool LineFile::is_deleted() const {
  struct stat info{};
  return ::fstat(fd_.get(), &info) == 0 && info.st_nlink == 0;
}

// An earlier life may have been killed while it wrote: its last line comes again, whole. Returns the size.
Result<std::uint64_t> LineFile::cut_torn_line(int fd) const {
  struct stat info{};
  if (::fstat(fd, &info) != 0) return fail_errno("cannot read " + options_.path, errno);
  if (!S_ISREG(info.st_mode)) return std::uint64_t{0};
  off_t end = info.st_size;
  for (char last = 0; end > 0; --end) {
    if (::pread(fd, &last, 1, end - 1) != 1) return fail_errno("cannot read " + options_.path, errno);
    if (last == '\n') break;
  }
  if (end != info.st_size && ::ftruncate(fd, end) != 0) return fail_errno("cannot cut the torn end of " + options_.path, errno);
  return static_cast<std::uint64_t>(end);
}

Status LineFile::write_synced(std::string_view lines) {
  if (auto written = write_all(fd_.get(), lines); !written) return fail(written.error(), options_.path);
  if (::fdatasync(fd_.get()) != 0) return fail_errno("cannot sync " + options_.path, errno);
  return {};
}

Status LineFile::rotate() {
  for (int i = options_.keep - 1; i >= 1; --i)
    std::rename((options_.path + "." + std::to_string(i)).c_str(), (options_.path + "." + std::to_string(i + 1)).c_str());
  if (options_.keep > 0 && std::rename(options_.path.c_str(), (options_.path + ".1").c_str()) != 0 && errno != ENOENT)
    return fail_errno("cannot rotate " + options_.path, errno);
  if (options_.keep == 0) ::unlink(options_.path.c_str());
  return open();
}

}  // namespace brine::returners
