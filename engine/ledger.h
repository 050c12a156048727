// The one writer of the store: gathers what is to be remembered, commits it in batches (group commit), and only then says so.
//
// A thread of its own. All public methods are thread-safe and never block; they refuse when the queue is full, and the caller
// keeps the work (returns: the gateway stops reading; jobs: "busy, retry after"). Callbacks run on the ledger's thread and must be
// quick. When the store is away, jobs and key changes are refused with its error, returns wait (bounded by the queue; beyond it
// they wait in the minions' journals), and everything drains when it is back.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "base/bounded_queue.h"
#include "base/clock.h"
#include "base/result.h"
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

struct LedgerOptions {
  std::size_t queue = 65'536;  // returns and other entries
  std::size_t batch = 512;
  milliseconds expire_every{5'000};
  seconds outbox_keep{7 * 86'400};
  std::vector<std::string> returners;
};

struct LedgerCounters {
  std::atomic<std::uint64_t> commits{0};
  std::atomic<std::uint64_t> returns{0};
  std::atomic<std::uint64_t> repeated{0};
  std::atomic<std::uint64_t> late{0};
  std::atomic<std::uint64_t> conflicts{0};
  std::atomic<std::uint64_t> unexpected{0};
  std::atomic<std::uint64_t> store_failures{0};
  std::atomic<std::uint64_t> commit_us{0};
};

class Ledger {
 public:
  struct Listener {
    // Committed returns of one batch, in order.
    std::function<void(std::vector<CommittedReturn>)> returned;
    // New feed entries.
    std::function<void(std::vector<store::FeedEntry>)> fed;
    // The outbox has grown.
    std::function<void()> outbox_grew;
  };

  Ledger(store::StateStore& store, const Clock& clock, LedgerOptions options, Listener listener);
  ~Ledger();

  // Reads the feed from here on.
  void start(store::FeedPosition feed_from);
  // Commits what is queued, then ends.
  void stop();

  // Takes all or, when there is no room, none (false).
  bool add_returns(std::vector<PendingReturn>&& returns);
  // done gets kUnavailable when the store is away.
  bool publish(std::shared_ptr<const store::JobRecord> job, std::function<void(Result<PublishedJob>)> done);
  bool change_keys(std::vector<store::KeyRecord> records, std::vector<std::pair<MinionId, bool>> forgotten,
                   std::function<void(Status)> done);
  bool keep_grains(store::GrainsRecord grains);
  bool keep_setting(std::string name, std::string value);
  bool returner_at(std::string returner, std::uint64_t position);

  bool available() const { return available_; }
  // Why the store is away.
  std::string trouble() const;
  std::size_t depth() const { return queue_.size(); }
  const LedgerCounters& counters() const { return counters_; }

 private:
  struct Publish {
    std::shared_ptr<const store::JobRecord> job;
    std::function<void(Result<PublishedJob>)> done;
  };
  struct KeyChange {
    std::vector<store::KeyRecord> records;
    std::vector<std::pair<MinionId, bool>> forgotten;
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
  using Entry = std::variant<std::vector<PendingReturn>, Publish, KeyChange, store::GrainsRecord, Setting, ReturnerAt>;

  void run();
  void commit(std::vector<Entry> entries);
  store::Batch batch_of(const std::vector<Entry>& entries) const;
  void settle(std::vector<Entry>& entries, const store::CommitOutcome& outcome);
  void refuse(std::vector<Entry>& entries, const Error& error);
  void count(store::ReturnResult result);
  void read_feed();
  void expire_if_due();
  void set_trouble(const Error* error);
  bool bring_back();

  store::StateStore& store_;
  const Clock& clock_;
  const LedgerOptions options_;
  const Listener listener_;
  BoundedQueue<Entry> queue_;
  std::atomic<std::size_t> queued_returns_{0};
  std::vector<Entry> waiting_;  // returns and other idempotent entries of a failed commit, kept until the store is back
  store::FeedPosition feed_position_;
  MonoTime next_expire_{};
  std::atomic<bool> available_{true};
  mutable std::mutex trouble_mutex_;
  std::string trouble_;  // guarded by trouble_mutex_
  LedgerCounters counters_;
  std::jthread thread_;
};

}  // namespace brine::engine
