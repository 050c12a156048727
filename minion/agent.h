// The minion as a state machine: connects, proves itself, takes jobs, keeps what came of them until it is acknowledged.
// It owns no thread, socket, file or clock: the same class runs in brine-minion and, by the thousand, in the swarm.
//
// The rules of DESIGN.md sections 2 to 4 live here: a job is run only with a signature of a master in the manifest, an inclusion
// proof for this id, within its life (in the master's time), if the journal is not newer than the job, once, and if the target
// matches. BEGUN is synced before a function that may not be repeated starts; DONE is synced before its return is first sent.
// Confined to one loop. The driver calls flush() at the end of every turn: one sync covers all that the turn has to remember.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "minion/agent_counters.h"
#include "minion/journal.h"
#include "minion/master_list.h"
#include "minion/ports.h"
#include "net/handshake.h"
#include "net/session_cipher.h"
#include "net/trust.h"
#include "target/grains.h"
#include "wire/session.h"

namespace brine::minion {

struct AgentOptions {
  MinionId id;
  std::vector<std::string> masters;       // endpoints: tcp://host:port, ipc:///path
  milliseconds recon_default{1'000};      // back-off: a random time up to this,
  milliseconds recon_max{10'000};         // doubled with every failure up to this
  milliseconds connect_deadline{15'000};  // for connecting, and for shaking hands
  milliseconds connect_to_one{5'000};     // for connecting, when there are other masters
  milliseconds rebalance_within{20'000};  // to a master that has come (back): a random time up to this
  milliseconds longest_wait{600'000};     // whatever a master tells it to wait
  milliseconds receipt_after{100};        // a job that takes longer is reported as queued or running
  std::size_t window = 256;               // returns sent and not acknowledged
  std::size_t window_bytes = 4U << 20;
};

struct AgentParts {
  const net::SigningKey& key;
  net::Trust& trust;
  Link& link;
  Journal& journal;
  Executor& executor;
  const GrainsSource& grains;
  Keepsake& keepsake;
  const Clock& clock;
  AgentCounters& counters;
};

class Agent {
 public:
  enum class State : std::uint8_t { kWaiting, kConnecting, kHandshake, kAwaitWelcome, kOpen, kStopped };

  Agent(AgentParts parts, AgentOptions options, std::string cookie);

  // Jobs that an earlier life had begun: reported as interrupted. Their commands must have been killed already.
  Status report_interrupted();

  void on_connected();
  void on_frame(std::string_view frame);
  void on_lost();
  void on_done(const JobId& jid, const Outcome& outcome, UnixMicros started, microseconds duration, bool interrupted);
  // Connects when it is time, sends heartbeats, gives up on slow handshakes.
  void on_tick();
  void grains_changed();
  // Syncs the journal if anything waits for it, then starts jobs and sends returns.
  void flush();

  // No new jobs from now on; the master is told.
  void stop();
  // Nothing runs, and nothing waits for an acknowledgement (or there is no session to get it from).
  bool idle() const;

  State state() const { return state_; }
  // When on_tick() has something to do next.
  MonoTime next_tick() const;
  // The master's clock, as known; 0 before the first welcome.
  UnixMicros master_now() const;
  // What an operator must look at: rejected, denied, wrong root. Empty: nothing.
  const std::string& trouble() const { return trouble_; }
  // The endpoint of the master that it turns to, or has a session with. Empty: none is configured.
  std::string master() const { return masters_.empty() ? std::string() : masters_.current(); }
  // Done, and no master has acknowledged them.
  std::size_t unacknowledged() const { return unsynced_.size() + to_send_.size() + in_flight_.size(); }

 private:
  struct Running {
    UnixMicros not_after = 0;
    bool repeatable = false;
    bool started = false;  // handed to the executor
  };
  struct WaitingStart {
    JobToRun job;
  };

  void begin_connecting();
  void retry_later(milliseconds at_least, bool failure);
  void end_session();
  void lose(SessionEnd how);
  void on_server_hello(std::string_view body);
  void on_refusal(std::string_view body);
  void on_sealed(std::string_view body);
  void on_welcome(wire::Welcome&& welcome);
  void on_accepted(const wire::Welcome& welcome);
  void on_goodbye(const wire::Goodbye& goodbye);
  void on_delivery(const wire::Delivery& delivery);
  void refuse(const JobId& jid, JobRefusal reason, std::string_view text);
  void on_ack(const wire::Ack& ack);
  void on_manifest(const std::string& manifest);
  void learn_masters(const std::vector<std::string>& live, const std::string& own);
  void move();
  void date_journal(const wire::Welcome& welcome);
  void send_journal_mark();
  bool answer_known(const JobId& jid);
  std::optional<std::pair<JobRefusal, std::string>> refusal_of(const wire::Job& job) const;
  void take_job(const wire::Job& job, std::string_view job_bytes);
  void answer(const JobId& jid, store::Outcome outcome, std::string_view text);
  void refuse_start(const JobId& jid, const Error& error);
  Status sync_journal();
  void receipt(const JobId& jid, wire::ReceiptState state);
  void send_due_receipts();
  bool send(const wire::SessionMessage& message);
  bool send_encoded(std::string_view plain);
  void send_status();
  void queue_return(const JobId& jid);
  void send_returns();
  bool matches(const wire::Job& job);
  std::string encoded_return(store::ReturnRecord record) const;
  std::string shortened(const std::string& encoded) const;

  const AgentParts parts_;
  const AgentOptions options_;
  const std::uint64_t instance_;
  std::string cookie_;
  State state_ = State::kWaiting;
  MonoTime retry_at_;
  MonoTime deadline_;
  MonoTime last_sent_;
  int failures_ = 0;
  MasterList masters_;
  std::optional<MonoTime> move_at_;  // to a master that is preferred to the one that serves
  std::optional<net::HeldTicket> ticket_;
  std::unique_ptr<net::ClientHandshake> handshake_;
  net::SessionKeys keys_;
  std::optional<net::SessionCipher> cipher_;
  milliseconds heartbeat_{5'000};
  std::size_t max_message_ = 16U << 20;
  std::int64_t master_offset_us_ = 0;  // master's time minus monotonic time
  bool knows_time_ = false;
  UnixMicros no_job_before_ = 0;  // as the journal's birth, should that not have reached the disk
  MonoTime started_;
  bool stopping_ = false;
  std::string trouble_;

  std::map<JobId, Running> running_;
  std::map<JobId, wire::Return>
      declined_;  // what was answered to jobs that were not run, the last ones: another master may send them again
  std::deque<std::pair<MonoTime, JobId>> due_receipts_;  // in order of time; of jobs that may have ended since
  std::vector<WaitingStart> waiting_starts_;             // after the next sync
  bool needs_sync_ = false;
  bool sync_fails_ = false;                 // told once
  std::vector<JobId> unsynced_;             // returns that are not sent before the next sync
  std::deque<JobId> to_send_;               // returns, in order
  std::map<JobId, std::size_t> in_flight_;  // sent in this session, not acknowledged: bytes
  std::size_t in_flight_bytes_ = 0;
  std::string grains_text_;
  target::Grains grains_;
  std::minstd_rand random_;
};

}  // namespace brine::minion
