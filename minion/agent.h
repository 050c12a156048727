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
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "minion/agent_counters.h"
#include "minion/journal.h"
#include "minion/ports.h"
#include "net/master_session.h"
#include "net/trust.h"
#include "target/grains.h"
#include "wire/session.h"

namespace brine::minion {

// id, masters and the times of connecting are the session's; its instance is drawn by the agent.
struct AgentOptions : net::SessionOptions {
  milliseconds receipt_after{100};  // a job that takes longer is reported as queued or running
  std::size_t window = 256;         // returns sent and not acknowledged
  std::size_t window_bytes = 4U << 20;
};

struct AgentParts {
  const net::SigningKey& key;
  net::Trust& trust;
  net::Link& link;
  Journal& journal;
  Executor& executor;
  const GrainsSource& grains;
  net::Keepsake& keepsake;
  const Clock& clock;
  AgentCounters& counters;
  MineListener* mine = nullptr;  // none: nothing is published
};

class Agent final : private net::MasterSession::Owner {
 public:
  using State = net::MasterSession::State;

  Agent(AgentParts parts, AgentOptions options, std::string cookie);

  // Jobs that an earlier life had begun: reported as interrupted. Their commands must have been killed already.
  Status report_interrupted();

  void on_connected() { session_.on_connected(); }
  void on_frame(std::string_view frame) { session_.on_frame(frame); }
  void on_lost() { session_.on_lost(); }
  void on_done(const JobId& jid, const Outcome& outcome, UnixMicros started, microseconds duration, bool interrupted);
  // Connects when it is time, sends heartbeats, gives up on slow handshakes.
  void on_tick();
  void grains_changed();
  // Sends a message of the mine. False: there is no session (any more).
  bool tell(const wire::SessionMessage& message) { return send(message); }
  // Syncs the journal if anything waits for it, then starts jobs and sends returns.
  void flush();

  // No new jobs from now on; the master is told.
  void stop();
  // Nothing runs, and nothing waits for an acknowledgement (or there is no session to get it from).
  bool idle() const;

  State state() const { return session_.state(); }
  // When on_tick() has something to do next.
  MonoTime next_tick() const;
  // The master's clock, as known; 0 before the first welcome.
  UnixMicros master_now() const { return session_.master_now(); }
  // What an operator must look at: rejected, denied, wrong root. Empty: nothing.
  const std::string& trouble() const { return session_.trouble(); }
  // The endpoint of the master that it turns to, or has a session with. Empty: none is configured.
  std::string master() const { return session_.master(); }
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

  wire::JournalMark journal() const override { return {parts_.journal.epoch(), parts_.journal.sequence()}; }
  void on_open(const wire::Welcome& welcome) override;
  bool on_message(wire::SessionMessage&& message) override;
  void on_end() override;
  void count(ConnectFailure failure) override { parts_.counters.add(failure); }
  void count(SessionEnd end) override { parts_.counters.add(end); }

  void on_delivery(const wire::Delivery& delivery);
  void refuse(const JobId& jid, JobRefusal reason, std::string_view text);
  void on_ack(const wire::Ack& ack);
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
  bool open() const { return session_.open(); }
  bool send(const wire::SessionMessage& message) { return session_.send(message); }
  void say_behind();
  void send_status();
  void queue_return(const JobId& jid);
  void send_returns();
  bool matches(const wire::Job& job);
  std::string encoded_return(store::ReturnRecord record) const;
  std::string shortened(const std::string& encoded) const;

  const AgentParts parts_;
  const AgentOptions options_;
  net::MasterSession session_;
  UnixMicros no_job_before_ = 0;  // as the journal's birth, should that not have reached the disk
  MonoTime started_;
  UnixMicros attached_at_ = 0;  // what it last said to a syndic, in the master's time

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
};

}  // namespace brine::minion
