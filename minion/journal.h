// The minion's memory of jobs: what was begun, what was started, what came of it, what the master has acknowledged.
//
// One append-only file, records of {u32 length, u32 crc32c over type and body, u8 type, body}. The file starts with a header
// record: random epoch. A torn tail is recognised by length or CRC and cut off; a bad record in the middle is kCorrupt
// (the file is put aside as journal.bad-<n> and a new one with a new epoch begins).
//
// Rules that the agent follows (DESIGN.md sections 2 and 3): BEGUN is synced before the function runs; STARTED is written (not
// synced) before a command is let go; DONE is synced before the return is first sent; ACKED is written. A jid is remembered until
// its not_after + 1 h, so that it cannot run twice; a stored return is never dropped before it is acknowledged.
// Compaction writes a new file, syncs it and its folder, renames.
// Confined to the agent's loop; started() may be called from any thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/ids.h"
#include "base/result.h"
#include "minion/function.h"
#include "store/records.h"

namespace brine::minion {

// What a jid is to this minion.
enum class JobState : std::uint8_t { kBegun, kDone, kAcked };

struct JournalEntry {
  JobId jid;
  JobState state = JobState::kBegun;
  UnixMicros not_after = 0;
  std::vector<StartedCommand> commands;  // while begun
  std::string outcome;                   // while done: the encoded return, exactly as it will be sent (before sealing)
};

class Journal {
 public:
  virtual ~Journal() = default;

  virtual std::uint64_t epoch() const = 0;     // random, of this journal
  virtual UnixMicros birth() const = 0;        // jobs issued before it are unknown to this journal
  // Once, when the master's time is known: the minion's own clock may be wrong by hours. Durable after the next sync().
  virtual Status set_birth(UnixMicros birth) = 0;
  virtual std::uint64_t sequence() const = 0;  // records written since birth; going backwards means a restored snapshot

  // Appends; durable after the next sync(). kFull when the spool has reached its bound: the job is to be refused.
  virtual Status begun(const JobId& jid, UnixMicros not_after, std::string_view job_hash) = 0;
  // Written through to the kernel before it returns (survives kill -9 of the minion). Thread-safe.
  virtual Status started(const JobId& jid, const StartedCommand& command) = 0;
  // Never refused for want of room.
  virtual Status done(const JobId& jid, UnixMicros not_after, std::string outcome) = 0;
  virtual Status acked(const JobId& jid) = 0;
  virtual Status sync() = 0;

  virtual const JournalEntry* find(const JobId& jid) const = 0;
  // In order of jid.
  virtual std::vector<const JournalEntry*> unfinished() const = 0;      // begun, from an earlier life or this one
  virtual std::vector<const JournalEntry*> unacknowledged() const = 0;  // done

  // Forgets acked jobs whose not_after + 1 h has passed, and compacts when that pays.
  virtual Status compact(UnixMicros now) = 0;
};

struct FileJournalOptions {
  std::string path;
  std::uint64_t max_bytes = 256U << 20;  // bound of stored outcomes and records
};

// Opens or creates. A file that is not intact is put aside and named in the log. kUnavailable: another minion holds it, or the
// disk does not take it.
Result<std::unique_ptr<Journal>> open_file_journal(const FileJournalOptions& options);

}  // namespace brine::minion
