// A disk that fails on demand: a VFS of SQLite's that passes everything on to the default one until it is told otherwise.
//
// The setters may be called by any thread. Must outlive every store that was opened with its name().
#pragma once

#include <atomic>
#include <memory>
#include <string>

struct sqlite3_vfs;

namespace brine::store {

class FailingDisk {
 public:
  enum class File { kDatabase, kLog };

  FailingDisk();
  FailingDisk(const FailingDisk&) = delete;
  FailingDisk& operator=(const FailingDisk&) = delete;
  ~FailingDisk();

  const std::string& name() const { return name_; }

  // From now on each sync (write) of this file fails: EIO for a sync, ENOSPC for a write.
  void fail_syncs(File file) { failing_syncs_[index(file)] = true; }
  void fail_writes(File file) { failing_writes_[index(file)] = true; }
  void heal();

  int syncs(File file) const { return syncs_[index(file)]; }
  int failures() const { return failures_; }

  // Called by the shim: true if this one is to fail.
  bool on_sync(File file);
  bool on_write(File file);

 private:
  static std::size_t index(File file) { return static_cast<std::size_t>(file); }

  std::string name_;
  std::unique_ptr<sqlite3_vfs> vfs_;
  std::atomic<bool> failing_syncs_[2]{};
  std::atomic<bool> failing_writes_[2]{};
  std::atomic<int> syncs_[2]{};
  std::atomic<int> failures_{0};
};

}  // namespace brine::store
