// The heart of a master: keys, jobs, presence and events behind one thread-safe face. It knows nothing of ZeroMQ, Cap'n Proto or
// SQLite; engine/ports.h and store/state_store.h are all it sees of the outside.
//
// One thread, "engine", owns everything that decides (key authority, roster, index, job board); the ledger's thread writes the
// store. Public methods may be called from any thread and do not block; what they are given comes back through callbacks on the
// engine's thread. Overload: when the engine's queue is full, admission, submissions and calls are refused with kBusy, sessions that
// open or send new grains are ended (the minion comes back later, with them), and receipts, which are advisory, are dropped.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/task_loop.h"
#include "engine/cluster.h"
#include "engine/gateways.h"
#include "engine/grain_index.h"
#include "engine/job_board.h"
#include "engine/join_tokens.h"
#include "engine/key_authority.h"
#include "engine/ledger.h"
#include "engine/mine_book.h"
#include "engine/ports.h"
#include "engine/roster.h"
#include "engine/session.h"
#include "store/state_store.h"

namespace brine::engine {

struct EngineOptions {
  Drive drive = Drive::kThreads;
  KeyPolicy keys;
  BoardPolicy board;
  LedgerOptions ledger;
  milliseconds timeout{5'000};  // default -t
  seconds keep_jobs{86'400};
  seconds presence_expiry{3'600};  // an ephemeral minion that is away for longer is forgotten
  milliseconds max_expires{7LL * 86'400'000};
  std::uint64_t outbox_max_bytes = 1ULL << 30;
  bool outbox_refuses_jobs = true;
  std::size_t queue = 100'000;  // tasks for the engine's thread
};

struct Submission {
  SubmissionId id;
  std::string target_kind;
  std::string target;
  char delimiter = ':';
  std::string function;
  std::string arguments;  // JSON text {"args": [...], "kwargs": {...}}
  milliseconds timeout{0};
  milliseconds expires{0};
  std::uint32_t subset = 0;
  std::string user;
  std::uint32_t uid = 0;
};

struct Submitted {
  JobId jid;
  std::uint32_t expected = 0;
  bool repeated = false;
};

// What a minion did by itself (brine-call) and wants on record.
struct CallReport {
  MinionId minion;
  std::string function;
  std::string arguments;
  store::ReturnRecord result;
};

struct EngineCounters {
  std::atomic<std::uint64_t> jobs{0};
  std::atomic<std::uint64_t> refused_busy{0};         // jobs and calls
  std::atomic<std::uint64_t> refused_unavailable{0};  // the store is away, or the master stops
  // What the engine's full queue did not take.
  std::atomic<std::uint64_t> overflowed_admissions{0};
  std::atomic<std::uint64_t> overflowed_sessions{0};  // that opened or had new grains, and were ended
  std::atomic<std::uint64_t> overflowed_submissions{0};
  std::atomic<std::uint64_t> overflowed_notes{0};  // receipts and journal marks
  std::atomic<std::uint64_t> sessions{0};
  std::atomic<std::uint64_t> reaped{0};
  std::atomic<std::int64_t> connected{0};
  std::atomic<std::int64_t> gateways{0};  // syndics that have a session here
  std::atomic<std::int64_t> open_jobs{0};
  // As of the last tick, a second ago at most.
  std::atomic<std::size_t> keys_accepted{0};
  std::atomic<std::size_t> keys_pending{0};
  std::atomic<std::size_t> keys_rejected{0};
  std::atomic<std::size_t> keys_denied{0};
  std::atomic<std::uint64_t> outbox_entries{0};
  std::atomic<std::uint64_t> outbox_bytes{0};
  std::atomic<std::uint64_t> outbox_end{0};  // position of the newest entry
};

class Engine {
 public:
  Engine(store::StateStore& store, Gateway& gateway, Notary& notary, EventSink& events, const Clock& clock, EngineOptions options,
         std::function<void()> outbox_grew);
  ~Engine();

  // Other masters write the same store. Before start(); hooks are called on the engine's thread.
  struct ClusterHooks {
    std::function<void(const std::vector<store::MasterCard>&)> masters;  // those that live now
    std::function<void(const std::string& name)> setting;                // changed by another master
    std::function<void(bool cut_off)> connected;  // to the store, while others are; cut off, it should send its minions to them
  };
  void share(store::SharedStore& store, PeerOptions options, ClusterHooks hooks);
  // Reads keys, grains and open jobs from the store, then serves.
  Status start();
  // Takes its place among the other masters, for minions that connect to this address. After start().
  Status join(std::string address);
  // Null: this master is alone.
  Peers* peers() { return cluster_ ? &cluster_->peers() : nullptr; }
  const Peers* peers() const { return cluster_ ? &cluster_->peers() : nullptr; }
  // Refuses new jobs from now on; what was accepted goes on.
  void refuse_new_jobs();
  // Admits no minions while it holds.
  void set_draining(bool draining) { draining_ = draining; }
  // Commits what is queued and ends both threads.
  void stop();

  // ---- for the gateway ----
  void admit(AdmissionRequest request, std::function<void(Admission)> done);
  void session_opened(SessionOpened opened);
  void session_closed(SessionRef session, EndReason reason);
  void receipt(SessionRef session, JobId jid, Receipt receipt);
  void journal_at(SessionRef session, JournalPosition position);
  void grains_changed(SessionRef session, MinionId id, std::string grains);
  // Ignored when the session is not the minion's any more.
  void mine_changed(SessionRef session, MinionId id, store::MineChange change);
  // What this minion may read, as one JSON object {id: value}; or an error for people.
  void mine_get(MinionId reader, MineQuery query, std::function<void(std::string json, std::string error)> done);
  // False when the ledger has no room: keep them, stop reading.
  bool add_returns(std::vector<PendingReturn>&& returns) { return ledger_.add_returns(std::move(returns)); }
  void gateway_opened(GatewayOpened opened);
  void gateway_closed(SessionRef session);
  // As Gateways::trusted_until.
  void judge_chain(std::vector<store::Attachment> chain, std::function<void(UnixMicros)> done);
  void report_call(CallReport report, std::function<void(Result<JobId>)> done);

  // ---- for operators ----
  // watcher null: --async. done is called before anything of the watcher.
  void submit(Submission submission, std::shared_ptr<Watcher> watcher, std::function<void(Result<Submitted>)> done);
  void change_keys(KeyAuthority::Change what, KeyAuthority::Selection selection, std::function<void(Result<KeyList>)> done);

  void create_token(store::TokenRecord token, std::function<void(Status)> done);
  void forget_token(std::string id, std::function<void(Status)> done);
  // In order of ids. kInvalid: the target. kFull: it is too much for one answer. kUnavailable: MineQuery::settled.
  void read_mine(MineQuery query, std::function<void(Result<std::vector<MineValue>>)> done);
  // As above, with the text of these grains of each minion; "" where it has none.
  struct Described {
    MineValue entry;
    std::vector<std::string> grains;
  };
  void describe_mine(MineQuery query, std::vector<std::string> grains, std::function<void(Result<std::vector<Described>>)> done);

  // Puts the keys that are known here into the store that is there now, in the place of the one that was (Cluster::restore).
  void restore_store(std::function<void(Status)> done);

  // Runs a question on the engine's thread; it sees a consistent state.
  struct View {
    const KeyAuthority& keys;
    const Roster& roster;
    const JobBoard& board;
    const Gateways& gateways;
    const JoinTokens& tokens;
    const MineBook& mine;
  };
  void ask(std::function<void(const View&)> question);

  // By hand: what the thread of this name would do next.
  enum class Part : std::uint8_t { kEngine, kLedger, kMembers, kFetcher, kNews };
  void turn(Part part);

  store::StateStore& store() { return store_; }
  Ledger& ledger() { return ledger_; }
  const Ledger& ledger() const { return ledger_; }
  const EngineCounters& counters() const { return counters_; }
  const TokenCounters& token_counters() const { return tokens_.counters(); }
  const MineCounters& mine_counters() const { return mine_.counters(); }
  // Tasks that wait for the engine's thread, and how many may.
  std::size_t queue_depth() const { return loop_.depth(); }
  std::size_t queue_bound() const { return options_.queue; }

 private:
  // Since the last presence event.
  struct Moves {
    std::vector<MinionId> came, went;
  };

  struct PendingSubmission {
    Submission submission;
    std::shared_ptr<Watcher> watcher;
    std::function<void(Result<Submitted>)> done;
    std::shared_ptr<store::JobRecord> record;
    std::uint64_t reading = 0;  // Cluster::reading() when it went to the ledger
  };

  Status admission_control() const;
  // Counts the refusal of a job or call; gives the error back.
  Error refused(Error error);
  Error too_many_jobs() const;
  Result<std::shared_ptr<store::JobRecord>> draft(const Submission& submission);
  void accept(Submission submission, std::shared_ptr<Watcher> watcher, std::function<void(Result<Submitted>)> done);
  void publish(std::shared_ptr<PendingSubmission> pending);
  void published(const std::shared_ptr<PendingSubmission>& pending, Result<PublishedJob> result);
  void repeated(const PendingSubmission& pending, const JobId& jid);
  Result<std::vector<store::ReturnRecord>> all_returns_of(const JobId& jid) const;
  void open_known(store::JobRecord record, const std::vector<MinionId>& returned);
  JobId next_jid();
  void committed(std::vector<CommittedReturn> returns);
  void acknowledge(const std::vector<CommittedReturn>& returns);
  void fed(const std::vector<store::FeedEntry>& entries);
  Status load_open_jobs();
  void key_accepted(const MinionId& id);
  void token_shown(const AdmissionRequest& request, std::string_view token, TokenOutcome outcome);
  void reap();
  void key_reaped(const MinionId& id);
  void forget_minion(const MinionId& id, std::string_view why);
  void key_withdrawn(const MinionId& id, std::string_view why);
  Origin origin_of_key_change() const;
  void key_seen(const MinionId& id, std::string_view act, std::string_view address);
  void on_admit(const AdmissionRequest& request, const std::function<void(Admission)>& done);
  Admission judge_journal(const MinionId& id, JournalPosition journal, Admission admission) const;
  void on_session_opened(SessionOpened opened);
  void on_session_closed(SessionRef session, EndReason reason);
  void on_call(CallReport report, std::function<void(Result<JobId>)> done);
  void on_mine_get(const MinionId& reader, const MineQuery& query, const std::function<void(std::string, std::string)>& done);
  Result<std::vector<MinionId>> resolve(const MineQuery& query);
  bool is_present(const MinionId& id) const;
  void event_mine(const MinionId& id, const std::string& name, mine::Change change, Origin origin);
  void learn_grains();
  void take_grains(const MinionId& id, std::string grains);
  void tick();
  void count_keys();
  void event_job(const store::JobRecord& job, Origin origin);
  void event_return(const store::ReturnRecord& record, Origin origin);
  void event_presence();
  void event_moves(Moves& moves, Origin origin);
  void turn_away(SessionRef session);
  void event_dropped(std::uint64_t count);
  void keep_moved_journals();

  store::StateStore& store_;
  Gateway& gateway_;
  Notary& notary_;
  EventSink& events_;
  const Clock& clock_;
  const EngineOptions options_;
  TaskLoop loop_;
  Ledger ledger_;
  JoinTokens tokens_;
  KeyAuthority keys_;
  Roster roster_;
  GrainIndex index_;
  JobBoard board_;
  MineBook mine_;
  Gateways gateways_;
  std::unique_ptr<Cluster> cluster_;
  UnixMicros last_jid_ = 0;
  bool refusing_ = false;
  std::atomic<bool> draining_{false};
  std::atomic<std::size_t> waiting_{0};     // submissions that the loop has not looked at
  std::atomic<std::size_t> publishing_{0};  // jobs on their way through the ledger
  std::atomic<std::size_t> mine_bytes_{0};  // of changes that wait for the loop
  std::map<JobId, std::function<void(Result<JobId>)>> calls_;
  std::set<MinionId> moved_journals_;  // since they were last written down
  Moves moves_here_, moves_elsewhere_;
  MonoTime next_slow_tick_{};
  MonoTime settled_at_{};  // minions of before the start have come back by then
  EngineCounters counters_;
};

}  // namespace brine::engine
