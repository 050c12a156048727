// The minion's memory of jobs: what was begun, what was started, what came of it, what the master has acknowledged.
//
// One append-only file, records of {u32 length, u32 crc32c over type and body, u8 type, body}. The file starts with a header
// record: version, random epoch. A torn tail is recognised by length or CRC and cut off; a bad record in the middle is kCorrupt
// (the file is put aside as journal.bad-<n> and a new one with a new epoch begins). Layout: minion/journal_record.h.
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

  virtual std::uint64_t epoch() const = 0;  // random, of this journal
  virtual UnixMicros birth() const = 0;     // jobs issued before it are unknown to this journal
  // Once, when the master's time is known: the minion's own clock may be wrong by hours. Durable after the next sync().
  virtual Status set_birth(UnixMicros birth) = 0;
  // Begins a new epoch with this birth, for a journal that was found to have gone back; all that it knows it goes on knowing. Durable
  // when it returns.
  virtual Status renew(UnixMicros birth) = 0;
  // Records written and synced since birth; going backwards means a restored snapshot, and no crash makes it do so.
  virtual std::uint64_t sequence() const = 0;
  // Where a damaged predecessor was moved to when this journal was opened (the log has said so); empty: there was none.
  virtual std::string put_aside() const { return {}; }
  // Of jobs and returns that still matter: what the bound of the spool is about.
  virtual std::uint64_t bytes() const { return 0; }

  // Appends; durable after the next sync(). kFull when the spool has reached its bound: the job is to be refused. kExists when the jid
  // is known: it is not to run again. After any other failure the jid is not remembered; kUnavailable may pass when the disk has room
  // again, unless a sync has failed: nothing is taken then until the journal is opened again.
  virtual Status begun(const JobId& jid, UnixMicros not_after, std::string_view job_hash) = 0;
  // Written through to the kernel before it returns (survives kill -9 of the minion), behind all that was appended before. Thread-safe.
  // Counts only for a job that has begun. Waits while the file is being compacted.
  virtual Status started(const JobId& jid, const StartedCommand& command) = 0;
  // Never refused for want of room in the spool. When the disk does not take it, the error says so; the outcome is remembered all the
  // same, and each later sync() or compact() tries to write it. kExists when the job is done already: the first outcome stays.
  virtual Status done(const JobId& jid, UnixMicros not_after, std::string outcome) = 0;
  virtual Status acked(const JobId& jid) = 0;  // of a job that is not done: nothing
  virtual Status sync() = 0;                   // costs nothing when nothing was written

  // What find() returns is good until the next call; what the lists point to, until the state of that job changes.
  virtual const JournalEntry* find(const JobId& jid) const = 0;
  // In order of jid.
  virtual std::vector<const JournalEntry*> unfinished() const = 0;      // begun, from an earlier life or this one
  virtual std::vector<const JournalEntry*> unacknowledged() const = 0;  // done

  // Forgets acked jobs whose not_after + 1 h has passed in the master's time (0: not known yet, nothing is forgotten), and compacts when
  // more than half of the file, and more than 1 MiB, is of no use any more. After a failure the old file stands, and serves on.
  virtual Status compact(UnixMicros now) = 0;
};

struct FileJournalOptions {
  std::string path;
  std::uint64_t max_bytes = 256U << 20;  // bound of stored outcomes and records that still matter; the file has up to twice as much
  // Names this boot and pid namespace: commands that were started in another are not ours to kill. Empty: asked from the kernel.
  std::string boot;
};

// Opens or creates, mode 0600; everything in it is synced when it returns. A file that is not intact is put aside and named in the log.
// kUnavailable: another minion holds it, or the disk does not take it. kUnsupported: written by another version.
Result<std::unique_ptr<Journal>> open_file_journal(const FileJournalOptions& options);

}  // namespace brine::minion
