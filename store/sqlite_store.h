// The embedded store: one SQLite database in one folder, for one master (DESIGN.md section 5).
//
// WAL with synchronous=FULL: a commit is on the disk before commit() returns. One connection writes and checkpoints itself between
// batches, a second one only reads; both belong to this process alone, which a lock on the folder ensures. Nobody else may open
// the file: SQLite before 3.51.3 can damage it when two connections write or checkpoint at the same time (sqlite.org/wal.html).
//
// After an environment's failure (full disk, failed sync) both connections are closed and everything is refused until reopen().
// Opening and reopening copy the whole write-ahead log into the database and sync it: what is read afterwards is durable, also what
// an earlier life of the process had written and not yet synced, and what a failed sync may have left in memory only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "store/state_store.h"

namespace brine::store {

struct SqliteOptions {
  std::string folder;  // made with mode 0700 if it is not there; the files in it have mode 0600
  // The log is copied into the database when it has grown to so many pages of 4 KiB: more means rarer but longer pauses.
  std::size_t checkpoint_pages = 1000;
  // Readers are held up for a moment when the log has grown to this in spite of checkpoints; its file is cut back to this size.
  std::size_t max_wal_pages = 16384;
  // Databases up to this size are read and checked completely when they are opened (0.1 s at this value, from memory).
  std::uint64_t check_up_to_bytes = 64U << 20;
  std::string vfs;  // name of a registered SQLite VFS; empty: the default. For tests.
};

// Opens, or creates with a random epoch. Blocks for the disk.
// kUnavailable: another process holds the folder (the message names it), or folder or disk cannot be used. kCorrupt: not a store of
// ours, or damaged. kUnsupported: written by a newer brine. kInvalid: the path is not a folder.
Result<std::unique_ptr<StateStore>> open_sqlite_store(const SqliteOptions& options);

}  // namespace brine::store
