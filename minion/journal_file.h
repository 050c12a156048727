// The file under the journal: one owner at a time, bytes appended whole or not at all, and nothing promised that was not synced.
//
// append() may be called from any thread; everything else belongs to the journal's loop. The bytes mean nothing here.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/result.h"

namespace brine::minion {

class JournalFile {
 public:
  explicit JournalFile(std::string path) : path_(std::move(path)) {}

  // Opens or creates, with mode 0600, and locks (flock, released when the process ends however it ends). kUnavailable: another process
  // holds it, or it cannot be had. What a crash left of an unfinished replacement is removed.
  Status open();
  Result<std::string> read() const;
  // Cuts off what is behind this size. The records up to there count as not synced yet.
  Status keep(std::uint64_t bytes, std::uint64_t records);
  // Renames the file to "<path>.bad-<n>", a name that was free, which is returned; open() then begins a new one.
  Result<std::string> put_aside();

  // One record, written through to the kernel. When the disk does not take it, no part of it stays, and the next may succeed.
  Status append(std::string_view record);
  // No work when nothing was appended since the last one. Does not hold up append(). After a failure nothing is known about what the
  // disk has (Rebello et al., "Can Applications Recover from fsync Failures?", 2020): every later append() and sync() fails.
  Status sync();
  // The whole content, in one step: the old or the new one is there after a crash. Synced when it returns. sequence() does not change.
  Status replace(std::string_view content);

  std::uint64_t bytes() const;
  // Records ever appended; synced() is how many of them a power cut would leave.
  std::uint64_t sequence() const;
  std::uint64_t synced() const;
  const std::string& path() const { return path_; }

 private:
  Result<Fd> open_locked() const;
  bool is_still_at_path(int fd) const;
  Result<Fd> write_replacement(std::string_view content) const;
  std::string replacement() const { return path_ + ".new"; }
  Status failed(std::string why);

  const std::string path_;
  mutable std::mutex mutex_;
  Fd fd_;                       // changed by the loop under mutex_
  std::uint64_t bytes_ = 0;     // guarded by mutex_
  std::uint64_t sequence_ = 0;  // guarded by mutex_
  std::uint64_t synced_ = 0;    // guarded by mutex_
  bool dirty_ = false;          // guarded by mutex_
  std::string failure_;         // guarded by mutex_
};

}  // namespace brine::minion
