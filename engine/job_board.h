// The open jobs: who is expected, who has returned, who gave a sign of life; who must be sent what; and who watches.
//
// A job is open from the feed until every expected minion has a committed return, or its life is over and nobody is known to be
// running it. Receipts are advisory (kept in memory only; a minion tells again what it runs at every new session).
// Confined to the engine's loop.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "engine/ports.h"
#include "engine/roster.h"
#include "engine/session.h"
#include "store/records.h"

namespace brine::engine {

// Why there is no return of a minion (yet). Names are what users see (jobs.lookup_jid).
enum class Missing : std::uint8_t { kRunning, kReconnecting, kNotConnected, kNotDelivered, kLost, kExpired };
std::string_view to_string(Missing state);

struct MissingMinion {
  MinionId id;
  Missing state;
  std::string text;
};

// Somebody who waits for a job: the command line behind an operator connection. Called on the engine's loop.
class Watcher {
 public:
  virtual ~Watcher() = default;
  virtual void returned(const store::ReturnRecord& record) = 0;
  virtual void finished(const std::vector<MissingMinion>& missing) = 0;
  // The one who waits has gone.
  virtual bool gone() const = 0;
};

// How long somebody is willing to wait.
struct Patience {
  MonoTime until;            // for a first sign of life
  bool with_absent = false;  // also for minions that are away (--expires)
};

struct OpenJob {
  enum class Part : std::uint8_t { kOwed, kSent, kQueued, kRunning, kReturned };
  struct Watch {
    std::shared_ptr<Watcher> watcher;
    Patience patience;
  };

  std::shared_ptr<const store::JobRecord> record;
  std::vector<Part> parts;  // by place in record->expected
  std::size_t returned = 0;
  std::size_t running = 0;  // parts in kQueued or kRunning
  std::vector<Watch> watches;

  std::size_t place_of(const MinionId& id) const;  // expected.size() if not expected
  bool complete() const { return returned == parts.size(); }
};

struct BoardPolicy {
  milliseconds reconnect_grace{10'000};
  std::size_t max_open = 10'000;
};

class JobBoard {
 public:
  JobBoard(Roster& roster, Gateway& gateway, const Clock& clock, BoardPolicy policy);

  // Opens a job (idempotent); minions that have returned already are given. Sends it to those of the others that hold a session.
  void open(std::shared_ptr<const store::JobRecord> record, const std::vector<MinionId>& already_returned);
  // A session has begun: sends all that this minion owes. running: what it says it has begun.
  void session_opened(const MinionId& id, Minion& minion, const std::vector<JobId>& running);
  void receipt(const MinionId& id, const JobId& jid, Receipt receipt);
  void returned(const store::ReturnRecord& record);
  // The same from another master, by place: what it was is not known here, and nobody waits for it.
  void returned(const JobId& jid, std::size_t place);
  void receipt(const JobId& jid, std::size_t place, Receipt receipt);
  // A session with another master has begun, which sends all that this minion owes.
  void session_opened_elsewhere(const MinionId& id, Minion& minion);
  // The minion is no longer one of ours: nobody waits for it.
  void forget(const MinionId& id);

  // False if the job is not open: everything about it is in the store then.
  bool watch(const JobId& jid, std::shared_ptr<Watcher> watcher, milliseconds timeout, bool with_absent);
  // After sessions came or went, and on every tick: ends watches that have nothing to wait for, closes jobs whose life is over.
  void review();
  // Only this job's watches.
  void review(const JobId& jid);

  // With so many more that are about to be opened. Thread-safe, as size().
  bool full(std::size_t coming = 0) const { return size() + coming >= policy_.max_open; }
  std::size_t size() const { return size_; }
  std::vector<std::shared_ptr<const OpenJob>> open_jobs() const;
  const OpenJob* find(const JobId& jid) const;
  // The state of a minion that has not returned, for a job that may or may not be open.
  MissingMinion explain(const store::JobRecord& record, const MinionId& id) const;

 private:
  struct Judgement {
    MissingMinion missing;
    bool wait = false;
  };
  Judgement judge(const store::JobRecord& record, OpenJob::Part part, const MinionId& id, Patience patience, MonoTime now) const;
  Judgement judge_itself(const store::JobRecord& record, OpenJob::Part part, const MinionId& id, Patience patience, MonoTime now) const;
  void review(OpenJob& job, MonoTime now);
  bool over(const OpenJob& job) const;
  void take_return(OpenJob& job, std::size_t place);
  void set_part(OpenJob& job, std::size_t place, OpenJob::Part part);
  void send(OpenJob& job, std::size_t place, const Minion& minion);
  void close(const JobId& jid);

  Roster& roster_;
  Gateway& gateway_;
  const Clock& clock_;
  const BoardPolicy policy_;
  std::map<JobId, std::shared_ptr<OpenJob>> jobs_;
  std::atomic<std::size_t> size_{0};  // of jobs_
  MonoTime next_close_{};
};

}  // namespace brine::engine
