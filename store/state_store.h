// The shared memory of the cluster: one interface, passed by sqlite_store (embedded) and redis_store (several masters).
// tests/unit/store/contract.h is its specification in executable form.
//
// Threads: commit(), expire() and reopen() are called by one thread at a time (the ledger's). All reading methods may be called
// by any thread at any time, concurrently with commit(); they see only committed state.
// Durability: what commit() reported as done survives kill -9 and power loss (sqlite: fsync before it returns).
// Errors: kUnavailable: the store is away; nothing of the batch is promised, nothing may be acknowledged, call reopen() until it
// succeeds. kInvalid: an item is malformed (no jid, unsorted expected minions); the whole batch is refused. kCorrupt: what lies there is
// not ours or not intact. Any failed commit leaves the state as it was before it, or (only when the sync itself failed) unknown until
// reopen() has verified it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/job_query.h"
#include "store/records.h"

namespace brine::store {

// A key of Batch::keys that is accepted for one use of a join token: written, and counted, only while a use is left.
struct TokenUse {
  std::size_t key = 0;  // its place in Batch::keys
  std::string token;    // id
};

// A minion that has gone for good: forgotten with key, grains and journal mark, unless its key has changed or it has come back.
struct Departure {
  MinionId id;
  std::uint64_t key_version = 0;  // as it was when that was decided
  std::uint64_t generation = 0;   // likewise, of its newest presence (store/shared_store.h); 0: none is known
};

// Everything in one batch becomes visible and durable together. Applied in the order of the members, so that a job and returns to it,
// or a key and its deletion, may be in one batch; of two jobs of
// one submission or two returns of one (jid, minion) the first counts, of two upserts the last.
struct Batch {
  std::vector<JobRecord> jobs;                // submission + record + feed entry, each
  std::vector<EventRecord> events;            // go to the outbox
  std::vector<ReturnRecord> returns;          // first return of (jid, minion) is kept; each first or late one goes to the outbox
  std::vector<KeyRecord> keys;                // upserts of (id, denied or not), only if version is higher than the stored one
  std::vector<TokenRecord> tokens;            // new ones, with no use counted; of an id that is there nothing is changed
  std::vector<TokenUse> token_uses;           // of some of `keys`, in their order
  std::vector<std::string> forgotten_tokens;  // ids to delete
  std::vector<std::pair<MinionId, bool>> forgotten_keys;  // (id, denied record?) to delete
  std::vector<Departure> departures;
  std::vector<GrainsRecord> grains;                              // upserts
  std::vector<JournalMark> journals;                             // upserts
  std::vector<MineRecord> mine;                                  // upserts of (id, name)
  std::vector<std::pair<MinionId, std::string>> forgotten_mine;  // (id, name) to delete, after the upserts
  std::vector<MinionId> forgotten_minions;                       // their grains, journal marks and mine entries are deleted
  std::map<std::string, std::uint64_t> returner_positions;       // returner name -> all up to here is delivered; never goes back
  std::map<std::string, std::string> settings;                   // small named values (wrapped ticket keys, counters); "" deletes

  bool empty() const;
};

enum class JobResult : std::uint8_t {
  kPublished,
  kRepeated,   // this submission id is known: CommitOutcome::jids names its job; nothing was written
  kJidExists,  // take the next jid and try again; nothing was written
};

enum class ReturnResult : std::uint8_t {
  kFirst,       // kept, counted, in the outbox
  kRepeated,    // the same (jid, minion) was there, with the same content: nothing was written
  kConflict,    // was there with another content (time of arrival aside): the first is kept
  kLate,        // the job's record has expired or is unknown: went to the outbox marked late, the record is not recreated
  kUnexpected,  // the job exists and did not expect this minion: nothing was written
};

enum class UseResult : std::uint8_t {
  kCounted,   // the key is written
  kRepeated,  // the id has this very key and is accepted: the key is written, nothing is counted
  kKeyKept,   // the id has another record than a pending one, or one as new: nothing was written
  kNoneLeft,  // all uses are counted, or there is no such token: nothing was written
};

struct CommitOutcome {
  std::vector<JobResult> jobs;        // as Batch::jobs
  std::vector<JobId> jids;            // as Batch::jobs: the jid that counts
  std::vector<ReturnResult> returns;  // as Batch::returns
  std::vector<bool> keys;             // as Batch::keys: false: one of the same or a higher version was there, or the use was not had
  std::vector<UseResult> token_uses;  // as Batch::token_uses
  std::vector<bool> departures;       // as Batch::departures: false: there was nothing to forget, or no reason any more
  // Of a batch with jobs: the end of the feed as it was found and as it was left. Whoever had read up to the first has missed nothing but
  // the jobs of this batch.
  FeedPosition feed_before;
  FeedPosition feed_end;
};

// What expire() keeps.
struct Retention {
  UnixMicros now = 0;
  std::size_t max_jobs = 0;            // that go in one call
  std::vector<std::string> returners;  // an entry of the outbox stays until each of them has passed it; none: nothing has to stay
  UnixMicros outbox_before = 0;        // older entries go all the same
  std::uint64_t outbox_max_bytes = 0;  // beyond it the oldest go all the same; 0: no bound
};

struct Expired {
  std::size_t jobs = 0;
  std::uint64_t dropped = 0;  // outbox entries that went before every returner had passed them
};

// What one page of the outbox holds, about.
inline constexpr std::size_t kOutboxPageBytes = 8U << 20;

struct OutboxUsage {
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;
  std::uint64_t end = 0;  // position of the newest entry there has ever been; 0: none
};

class StateStore {
 public:
  virtual ~StateStore() = default;

  // Drawn at random when the store was created: tells an emptied or foreign store from ours.
  virtual std::uint64_t epoch() const = 0;

  // One atomic, durable step. An item that is refused (JobResult, ReturnResult) does not fail the others.
  virtual Result<CommitOutcome> commit(const Batch& batch) = 0;

  // After kUnavailable: closes, opens again, verifies.
  virtual Status reopen() = 0;

  // Instead of reopen(), when an operator has decided so: takes the store that is there now, or makes a new one, in the place of the one
  // that was opened first. kUnsupported: that cannot happen to this kind of store.
  virtual Status adopt() { return fail(Code::kUnsupported, "this store cannot be exchanged while it is used"); }

  // Deletes jobs whose forget_at has passed (now or earlier), with returns, submission and feed entry, and outbox entries that need not
  // be kept. Entries go from the oldest on; the first one that must stay ends it. An entry outlives its job until then. One call does
  // a bounded amount of work: what is left goes with the next ones.
  virtual Result<Expired> expire(const Retention& retention) = 0;

  virtual Result<std::vector<KeyRecord>> keys() const = 0;
  virtual Result<std::vector<TokenRecord>> tokens() const = 0;
  virtual Result<std::vector<GrainsRecord>> grains() const = 0;
  virtual Result<std::vector<JournalMark>> journals() const = 0;
  virtual Result<std::vector<MineRecord>> mine() const = 0;
  virtual Result<std::optional<std::string>> setting(const std::string& name) const = 0;

  // The highest jid ever published, empty if none.
  virtual Result<JobId> last_jid() const = 0;
  virtual Result<FeedPosition> feed_end() const = 0;
  // Entries after the position, oldest first, at most max. A position of another epoch counts as the beginning.
  virtual Result<std::vector<FeedEntry>> feed_after(FeedPosition after, std::size_t max) const = 0;

  virtual Result<std::optional<JobRecord>> job(const JobId& jid) const = 0;
  virtual Result<std::optional<JobId>> job_of(const SubmissionId& submission) const = 0;
  // Returns of a job in order of the minion's id, after this id, at most max.
  virtual Result<std::vector<ReturnRecord>> returns_of(const JobId& jid, const MinionId& after, std::size_t max) const = 0;
  // Minions that have a committed return for the job, without the payloads.
  virtual Result<std::vector<MinionId>> returned_minions(const JobId& jid) const = 0;
  // Jobs whose not_after has not passed, oldest first: what a starting master has to keep open.
  virtual Result<std::vector<JobId>> open_jobs(UnixMicros now) const = 0;
  // What the query asks for, newest first, in pages: one call goes through a bounded part of one index (store/job_query.h).
  virtual Result<JobPage> list_jobs(const JobQuery& query) const = 0;

  // Entries after the position, oldest first: at most max, of about kOutboxPageBytes together, but at least one if there is one.
  virtual Result<std::vector<OutboxEntry>> outbox_after(std::uint64_t position, std::size_t max) const = 0;
  // The position that this returner has acknowledged; 0 for one never seen.
  virtual Result<std::uint64_t> returner_position(const std::string& returner) const = 0;
  virtual Result<OutboxUsage> outbox_usage() const = 0;
};

}  // namespace brine::store
