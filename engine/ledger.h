// The one writer of the store: gathers what is to be remembered, commits it in batches (group commit), and only then says so.
//
// A thread of its own. All public methods are thread-safe and never block; they refuse when the queue is full, and the caller
// keeps the work (returns: the gateway stops reading; jobs: "busy, retry after"). Callbacks run on the ledger's thread and must be
// quick. When the store is away, jobs and key changes are refused with its error, returns wait (bounded by the queue; beyond it
// they wait in the minions' journals), of all else the last value of each name waits, and everything drains when it is back.
// A batch that the store finds malformed is committed item by item: the bad one is refused, or logged and left unacknowledged.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "base/bounded_queue.h"
#include "base/clock.h"
#include "base/duration_histogram.h"
#include "base/result.h"
#include "base/thread.h"
#include "engine/session.h"
#include "store/state_store.h"

namespace brine::engine {

struct CommittedReturn {
  SessionRef session;
  store::ReturnResult result;
  store::ReturnRecord record;
};

struct PublishedJob {
  store::JobResult result;
  JobId jid;  // that counts
};

// The name of the setting that holds the highest index ever given to a minion, in decimal.
inline constexpr std::string_view kLastIndexSetting = "last_minion_index";

struct LedgerOptions {
  std::size_t queue = 65'536;  // returns and other entries
  std::size_t batch = 512;
  milliseconds expire_every{5'000};
  milliseconds reopen_pause{500};  // between two looks at a store that is away
  seconds outbox_keep{7 * 86'400};
  std::uint64_t outbox_max_bytes = 0;  // beyond it the oldest entries are dropped; 0: nothing is
  std::vector<std::string> returners;
};

struct LedgerCounters {
  std::atomic<std::uint64_t> commits{0};
  std::atomic<std::uint64_t> returns{0};
  std::atomic<std::uint64_t> repeated{0};
  std::atomic<std::uint64_t> late{0};
  std::atomic<std::uint64_t> conflicts{0};
  std::atomic<std::uint64_t> unexpected{0};
  std::atomic<std::uint64_t> store_failures{0};  // times that the store went away
  std::atomic<std::uint64_t> outbox_dropped{0};
  std::atomic<std::uint64_t> events_dropped{0};  // while the store was away
  std::atomic<std::uint64_t> turns{0};           // of the thread: grows while it moves, also when there is nothing to do
  DurationHistogram commit_time{{microseconds(250), microseconds(500), milliseconds(1), microseconds(2'500), milliseconds(5),
                                 milliseconds(10), milliseconds(25), milliseconds(50), milliseconds(100), milliseconds(250),
                                 milliseconds(500), milliseconds(1'000), milliseconds(2'500), milliseconds(5'000), milliseconds(10'000)}};
};

class Ledger {
 public:
  struct Listener {
    // Committed returns of one batch, in order.
    std::function<void(std::vector<CommittedReturn>)> returned;
    // New feed entries that others have written.
    std::function<void(std::vector<store::FeedEntry>)> fed;
    // The outbox has grown.
    std::function<void()> outbox_grew;
    // So many entries left the outbox before every returner had them.
    std::function<void(std::uint64_t)> outbox_dropped;
  };

  struct KeyChange {
    std::vector<store::KeyRecord> records;
    std::vector<std::pair<MinionId, bool>> forgotten;  // (id, the denied record?)
    std::uint32_t last_index = 0;                      // highest ever given to a minion
    std::function<void(Status)> done;
    // The first record is accepted for a use of this join token. kDenied: none is left; kBusy: the id has another record.
    std::string token = {};
    // kBusy: it has come back, or its key has changed.
    std::optional<store::Departure> departure = {};
  };
  struct TokenChange {
    std::vector<store::TokenRecord> records;
    std::vector<std::string> forgotten;  // ids
    std::function<void(Status)> done;
  };

  struct MineWrite {
    std::vector<store::MineRecord> records;
    std::vector<std::pair<MinionId, std::string>> forgotten;
    std::function<void(Status)> done;  // kUnavailable: the store is away
  };

  Ledger(store::StateStore& store, const Clock& clock, LedgerOptions options, Listener listener);
  ~Ledger();

  // Reads the feed from here on.
  void start(store::FeedPosition feed_from, Drive drive = Drive::kThreads);
  // By hand: one turn of its thread, which waits so long for something to do. False: it has ended.
  bool turn(milliseconds wait);
  // Commits what is queued, then ends.
  void stop();

  // Takes all or, when there is no room, none (false). When none are queued there is room for any number.
  bool add_returns(std::vector<PendingReturn>&& returns);
  // done gets kUnavailable when the store is away.
  bool publish(std::shared_ptr<const store::JobRecord> job, std::function<void(Result<PublishedJob>)> done);
  // Of minions whose key is forgotten, grains, journal mark and mine entries go too.
  bool change_keys(KeyChange change);
  bool change_tokens(TokenChange change);
  bool keep_grains(store::GrainsRecord grains);
  // Whoever gives it keeps what it was made of until done: it does not wait for the store here.
  bool write_mine(MineWrite write);
  bool keep_journals(std::vector<store::JournalMark> marks);
  // Of events that wait for the store, the newest are dropped, and counted, when there are too many.
  bool keep_event(store::EventRecord event);
  bool keep_setting(std::string name, std::string value);
  bool returner_at(std::string returner, std::uint64_t position);
  // Goes on with the store that is there now, whichever it is (StateStore::adopt). done is called on the ledger's thread.
  void adopt(std::function<void(Status)> done);
  // Another master has written to the feed: reads it.
  void look_at_feed();

  bool available() const { return available_; }
  // Up to where the feed has been read, or written here.
  store::FeedPosition feed_position() const { return {feed_epoch_, feed_read_}; }
  // Why the store is away.
  std::string trouble() const;
  std::size_t depth() const { return queue_.size(); }
  // Returns that were taken and are not committed.
  std::size_t queued_returns() const { return queued_returns_; }
  const LedgerCounters& counters() const { return counters_; }

 private:
  struct Publish {
    std::shared_ptr<const store::JobRecord> job;
    std::function<void(Result<PublishedJob>)> done;
  };
  struct Wake {};
  struct Adopt {
    std::function<void(Status)> done;
  };
  struct Setting {
    std::string name;
    std::string value;
  };
  struct ReturnerAt {
    std::string returner;
    std::uint64_t position;
  };
  using Entry = std::variant<std::vector<PendingReturn>, Publish, KeyChange, TokenChange, MineWrite, store::GrainsRecord,
                             std::vector<store::JournalMark>, store::EventRecord, Setting, ReturnerAt, Wake, Adopt>;

  void commit(std::vector<Entry> entries);
  store::Batch batch_of(const std::vector<Entry>& entries) const;
  void settle(std::vector<Entry>& entries, const store::CommitOutcome& outcome);
  struct KeyOutcomes;  // of a batch, up to where they were told
  static Status take(const KeyChange& change, const store::CommitOutcome& outcome, KeyOutcomes& told);
  void refuse(std::vector<Entry>& entries, const Error& error);
  void commit_one_by_one(std::vector<Entry> entries, const Error& error);
  void give_up(Entry& entry, const Error& error);
  void keep_for_later(Entry&& entry);
  std::vector<Entry> take_waiting();
  void count(store::ReturnResult result);
  void follow_feed(const store::CommitOutcome& outcome);
  void read_feed();
  void expire_if_due();
  void set_trouble(const Error* error);
  bool bring_back();
  void adopt_if_asked(std::vector<Entry>& entries);
  void go_to(store::FeedPosition position);

  store::StateStore& store_;
  const Clock& clock_;
  const LedgerOptions options_;
  const Listener listener_;
  BoundedQueue<Entry> queue_;
  std::atomic<std::size_t> queued_returns_{0};
  // Kept until the store is back: returns of failed commits in order, and the last value of everything that is overwritten anyway.
  std::vector<Entry> waiting_;
  std::size_t waiting_events_ = 0;  // of them
  std::map<MinionId, store::GrainsRecord> waiting_grains_;
  std::map<MinionId, store::JournalMark> waiting_journals_;
  std::map<std::string, std::string> waiting_settings_;
  std::map<std::string, std::uint64_t> waiting_positions_;
  store::FeedPosition feed_position_;
  MonoTime next_expire_{};
  MonoTime next_reopen_{};
  std::atomic<std::uint64_t> feed_epoch_{0}, feed_read_{0};  // feed_position_ for others
  std::atomic<bool> feed_grew_{false};
  std::atomic<bool> available_{true};
  mutable std::mutex trouble_mutex_;
  std::string trouble_;  // guarded by trouble_mutex_
  LedgerCounters counters_;
  std::jthread thread_;
};

}  // namespace brine::engine
