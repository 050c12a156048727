#include "minion/journal_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/crash_point.h"

namespace brine::minion {
namespace {

constexpr mode_t kMode = 0600;
constexpr int kOpenTries = 10;
constexpr int kMostPutAside = 1'000;

}  // namespace

Status JournalFile::open() {
  BRINE_LET(Fd fd, open_locked());
  if (::fchmod(fd.get(), kMode) != 0) return fail_errno("cannot set the mode of the journal " + path_, errno);
  ::unlink(replacement().c_str());
  // The file may have been made, or renamed to this name, just before a crash.
  BRINE_TRY(sync_folder(folder_of(path_)));
  std::lock_guard lock(mutex_);
  fd_ = std::move(fd);
  bytes_ = sequence_ = synced_ = 0;
  dirty_ = false;
  failure_.clear();
  return {};
}

// Between open() and flock() the owner may have put another file in this place: a lock on the old one would be worth nothing.
Result<Fd> JournalFile::open_locked() const {
  for (int i = 0; i < kOpenTries; ++i) {
    Fd fd(::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, kMode));
    if (!fd.valid()) return fail_errno("cannot open the journal " + path_, errno);
    struct stat info{};
    if (::fstat(fd.get(), &info) != 0) return fail_errno("cannot look at the journal " + path_, errno);
    if (!S_ISREG(info.st_mode)) return fail(Code::kUnavailable, "the journal " + path_ + " is not a regular file; move it away");
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return fail_errno("cannot lock the journal " + path_, errno);
      return fail(Code::kUnavailable,
                  "the journal " + path_ +
                      " is held by another minion; two minions cannot share one: stop the other, or give this one its own "
                      "spool: path");
    }
    if (is_still_at_path(fd.get())) return fd;
  }
  return fail(Code::kUnavailable, "the journal " + path_ + " is being replaced by another minion all the time");
}

bool JournalFile::is_still_at_path(int fd) const {
  struct stat ours{};
  struct stat there{};
  return ::fstat(fd, &ours) == 0 && ::stat(path_.c_str(), &there) == 0 && ours.st_ino == there.st_ino && ours.st_dev == there.st_dev;
}

Result<std::string> JournalFile::read() const { return read_file(path_, SIZE_MAX / 2); }

Status JournalFile::keep(std::uint64_t bytes, std::uint64_t records) {
  std::lock_guard lock(mutex_);
  if (::ftruncate(fd_.get(), static_cast<off_t>(bytes)) != 0) return fail_errno("cannot cut the journal " + path_, errno);
  bytes_ = bytes;
  sequence_ = records;
  dirty_ = true;
  return {};
}

Result<std::string> JournalFile::put_aside() {
  for (int n = 1; n <= kMostPutAside; ++n) {
    std::string aside = path_ + ".bad-" + std::to_string(n);
    if (::access(aside.c_str(), F_OK) == 0) continue;
    if (::rename(path_.c_str(), aside.c_str()) != 0) return fail_errno("cannot rename the journal to " + aside, errno);
    BRINE_TRY(sync_folder(folder_of(path_)));
    return aside;
  }
  return fail(Code::kUnavailable, "too many damaged journals lie beside " + path_ + "; look at the disk, then remove them");
}

Status JournalFile::append(std::string_view record) {
  std::lock_guard lock(mutex_);
  if (!failure_.empty()) return fail(Code::kUnavailable, failure_);
  if (auto written = write_all(fd_.get(), record); !written) {
    if (::ftruncate(fd_.get(), static_cast<off_t>(bytes_)) != 0)
      failure_ = "the journal " + path_ + " ends in a torn record that cannot be cut off; restart the minion when the disk is well";
    return fail(std::move(written.error()), "the journal " + path_);
  }
  bytes_ += record.size();
  ++sequence_;
  dirty_ = true;
  return {};
}

Status JournalFile::sync() {
  std::uint64_t reached = 0;
  {
    std::lock_guard lock(mutex_);
    if (!failure_.empty()) return fail(Code::kUnavailable, failure_);
    if (!dirty_) return {};
    dirty_ = false;
    reached = sequence_;
  }
  const bool synced = ::fdatasync(fd_.get()) == 0;
  const int error = errno;
  std::lock_guard lock(mutex_);
  if (!synced)
    return failed(
        fail_errno("the journal " + path_ + " could not be synced, and takes nothing until the minion is restarted on a sound disk", error)
            .error()
            .message);
  synced_ = reached;
  return {};
}

// With mutex_ held.
Status JournalFile::failed(std::string why) {
  failure_ = std::move(why);
  return fail(Code::kUnavailable, failure_);
}

Status JournalFile::replace(std::string_view content) {
  std::lock_guard lock(mutex_);
  if (!failure_.empty()) return fail(Code::kUnavailable, failure_);
  auto fresh = write_replacement(content);
  if (!fresh) {
    ::unlink(replacement().c_str());
    return std::unexpected(std::move(fresh.error()));
  }
  BRINE_CRASH_POINT("minion.compact_before_rename");
  if (::rename(replacement().c_str(), path_.c_str()) != 0) {
    const int error = errno;
    ::unlink(replacement().c_str());
    return fail_errno("cannot replace the journal " + path_, error);
  }
  BRINE_CRASH_POINT("minion.compact_after_rename");
  fd_ = std::move(*fresh);
  bytes_ = content.size();
  synced_ = sequence_;
  dirty_ = false;
  // After a power cut the old file could be back, without what is appended to the new one from now on.
  if (auto durable = sync_folder(folder_of(path_)); !durable)
    return failed("the journal " + path_ + " takes nothing until the minion is restarted: " + durable.error().message);
  return {};
}

// Locked before it gets the name, so that there is no moment without an owner.
Result<Fd> JournalFile::write_replacement(std::string_view content) const {
  const std::string fresh = replacement();
  Fd fd(::open(fresh.c_str(), O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, kMode));
  if (!fd.valid()) return fail_errno("cannot create " + fresh, errno);
  if (::fchmod(fd.get(), kMode) != 0) return fail_errno("cannot set the mode of " + fresh, errno);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) return fail_errno("cannot lock " + fresh, errno);
  if (auto written = write_all(fd.get(), content); !written) return fail(std::move(written.error()), fresh);
  if (::fdatasync(fd.get()) != 0) return fail_errno("cannot sync " + fresh, errno);
  return fd;
}

std::uint64_t JournalFile::bytes() const {
  std::lock_guard lock(mutex_);
  return bytes_;
}

std::uint64_t JournalFile::sequence() const {
  std::lock_guard lock(mutex_);
  return sequence_;
}

std::uint64_t JournalFile::synced() const {
  std::lock_guard lock(mutex_);
  return synced_;
}

}  // namespace brine::minion
