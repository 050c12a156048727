// One job, from submission to the last answer, across losses of the master.
//
// The same submission is sent again after every loss: the master, or its successor, answers with the first jid and what has returned so
// far, and publishes nothing a second time. Returns are told once per minion. Confined to one thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>

#include "base/clock.h"
#include "base/result.h"
#include "net/operator_client.h"
#include "wire/operator.h"

namespace brine::cli {

// Hears what happens to a job.
class JobListener {
 public:
  virtual ~JobListener() = default;
  virtual void accepted(const wire::Accepted& accepted) = 0;  // once
  virtual void returned(const wire::MinionReturn& value) = 0;
  virtual void finished(const wire::Finished& finished) = 0;  // missing ones that had returned before a reconnect are taken out
  virtual void connection_lost(const Error& reason) = 0;      // once until the job is accepted again
  // Nothing more to read for now: what was kept back may be shown.
  virtual void idle() = 0;
};

struct SessionLimits {
  milliseconds answer{20'000};     // for the master to accept or refuse
  milliseconds reconnect{15'000};  // from a loss to the next acceptance
  milliseconds backoff_first{10};
  milliseconds backoff_most{1'000};
  bool others = false;  // connect turns to other masters: one that is not available is left for them
};

class JobSession {
 public:
  using Connect = std::function<Result<std::unique_ptr<net::OperatorClient>>()>;
  enum class End { kFinished, kDetached, kInterrupted };

  // interrupt_fd: becomes readable when the user wants no more; -1: never.
  JobSession(Connect connect, wire::Submit submit, SessionLimits limits, int interrupt_fd, JobListener& listener);

  // kNotFound: no minion matched. kUnavailable, kDenied: no master, or none any more. Else what the master says is wrong.
  Result<End> run();

  const std::optional<JobId>& jid() const { return jid_; }

 private:
  Result<std::optional<End>> converse();
  Result<std::optional<End>> take(std::string_view frame);
  Result<std::optional<End>> take_accepted(const wire::Accepted& accepted);
  End take_finished(wire::Finished finished);
  Result<std::optional<End>> reconnect(Error why);
  bool pause(milliseconds time) const;

  const Connect connect_;
  const wire::Submit submit_;
  const std::string request_;
  const SessionLimits limits_;
  const int interrupt_fd_;
  JobListener& listener_;

  std::unique_ptr<net::OperatorClient> client_;
  bool accepted_here_ = false;  // on this connection
  MonoTime answer_by_{};        // while it is not
  std::optional<MonoTime> give_up_at_;
  milliseconds backoff_{0};
  std::optional<JobId> jid_;
  std::unordered_set<MinionId> returned_;
};

}  // namespace brine::cli
