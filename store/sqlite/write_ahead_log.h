// The write-ahead log of the writing connection: its settings, its size, and copying it into the database (sqlite.org/wal.html).
//
// Belongs to the writer's thread.
#pragma once

#include <cstddef>

#include "base/result.h"
#include "store/sqlite/connection.h"

namespace brine::store::sqlite {

class WriteAheadLog {
 public:
  // Must not move while the connection lives: the connection tells it its size.
  WriteAheadLog() = default;
  WriteAheadLog(const WriteAheadLog&) = delete;
  WriteAheadLog& operator=(const WriteAheadLog&) = delete;

  // WAL, synchronous=FULL, no checkpoints by themselves; reads the settings back and fails with kUnavailable if they did not take.
  Status attach(const Connection& writer, std::size_t max_pages);

  // Pages in the log, as of the last commit.
  std::size_t pages() const { return pages_; }

  // Copies what it can without waiting for readers.
  Status copy(const Connection& writer);
  // Copies all, syncs, and empties the log. No reader may be in the middle of a read. What was committed before is then durable
  // even if an earlier sync of the log had failed.
  Status copy_all(const Connection& writer);

 private:
  std::size_t pages_ = 0;
};

}  // namespace brine::store::sqlite
