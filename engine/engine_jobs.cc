// The engine's part about jobs: submissions, their way through the ledger, returns, and what minions did by themselves.
#include <algorithm>
#include <random>

#include "base/crash_point.h"
#include "base/log.h"
#include "engine/engine.h"

namespace brine::engine {
namespace {

constexpr std::size_t kReplayPage = 1'000;

UnixMicros in_micros(milliseconds duration) { return duration.count() * 1000; }

Error busy(std::string_view why) { return {Code::kBusy, "busy: " + std::string(why) + "; retry after a second"}; }

}  // namespace

JobId Engine::next_jid() {
  last_jid_ = std::max(last_jid_ + 1, clock_.unix_now());
  return job_id_at(last_jid_);
}

Status Engine::admission_control() const {
  if (refusing_) return fail(Code::kUnavailable, "the master is stopping");
  if (cluster_ && ledger_.available() && !cluster_->peers().leads())
    return fail(Code::kUnavailable, "this master has lost its lease among the masters: use another one, or wait until it has it again");
  if (!ledger_.available())
    return fail(Code::kUnavailable, "the store is away: " + ledger_.trouble() + "; no job is accepted until it is back");
  if (board_.full(publishing_)) return std::unexpected(too_many_jobs());
  if (ledger_.depth() > options_.ledger.queue / 2) return std::unexpected(busy("the ledger has too much to write"));
  if (options_.outbox_refuses_jobs && counters_.outbox_bytes > options_.outbox_max_bytes)
    return std::unexpected(busy("the outbox has reached outbox.max_bytes because a returner is behind"));
  return {};
}

Error Engine::too_many_jobs() const { return busy(std::to_string(board_.size() + publishing_) + " jobs are open"); }

Error Engine::refused(Error error) {
  if (error.code == Code::kBusy) counters_.refused_busy.fetch_add(1, std::memory_order_relaxed);
  if (error.code == Code::kUnavailable) counters_.refused_unavailable.fetch_add(1, std::memory_order_relaxed);
  return error;
}

// Refuses before the queue what would be refused behind it: so submissions that come too fast hold up nothing that was accepted.
void Engine::submit(Submission submission, std::shared_ptr<Watcher> watcher, std::function<void(Result<Submitted>)> done) {
  if (board_.full(waiting_ + publishing_)) return done(std::unexpected(refused(too_many_jobs())));
  ++waiting_;
  auto shared = std::make_shared<std::function<void(Result<Submitted>)>>(std::move(done));
  const bool taken = loop_.try_post([this, submission = std::move(submission), watcher = std::move(watcher), shared]() mutable {
    --waiting_;
    accept(std::move(submission), std::move(watcher), *shared);
  });
  if (taken) return;
  --waiting_;
  counters_.overflowed_submissions.fetch_add(1, std::memory_order_relaxed);
  (*shared)(std::unexpected(refused(busy("too many requests are waiting"))));
}

void Engine::accept(Submission submission, std::shared_ptr<Watcher> watcher, std::function<void(Result<Submitted>)> done) {
  BRINE_CRASH_POINT("master.submission_received");
  if (auto admitted = admission_control(); !admitted) return done(std::unexpected(refused(admitted.error())));
  auto record = draft(submission);
  if (!record) return done(std::unexpected(record.error()));
  publish(std::make_shared<PendingSubmission>(
      PendingSubmission{std::move(submission), std::move(watcher), std::move(done), std::move(*record)}));
}

Result<std::shared_ptr<store::JobRecord>> Engine::draft(const Submission& submission) {
  BRINE_LET(const target::Kind kind, target::parse_kind(submission.target_kind));
  BRINE_LET(const target::Expression expression, target::parse(kind, submission.target, submission.delimiter));
  if (submission.expires > options_.max_expires)
    return fail(Code::kInvalid, fmt::format("--expires is longer than max_expires, {} s", options_.max_expires.count() / 1000));
  auto record = std::make_shared<store::JobRecord>();
  record->expected = index_.resolve(expression);
  if (submission.subset > 0 && record->expected.size() > submission.subset) {
    std::shuffle(record->expected.begin(), record->expected.end(), std::random_device());
    record->expected.resize(submission.subset);
    std::sort(record->expected.begin(), record->expected.end());
  }
  record->submission = submission.id;
  record->function = submission.function;
  record->arguments = submission.arguments;
  record->target_kind = submission.target_kind;
  record->target = submission.target;
  record->delimiter = submission.delimiter;
  record->user = submission.user;
  record->uid = submission.uid;
  record->timeout = submission.timeout > milliseconds(0) ? submission.timeout : options_.timeout;
  return record;
}

void Engine::publish(std::shared_ptr<PendingSubmission> pending) {
  store::JobRecord& record = *pending->record;
  if (record.expected.empty()) {
    // A repeated submission is answered with its job even if nobody matches any more.
    const auto known = store_.job_of(record.submission);
    if (known && *known) return published(pending, PublishedJob{store::JobResult::kRepeated, **known});
    return pending->done(fail(Code::kNotFound, "No minions matched the target. No command was sent, no jid was assigned."));
  }
  const milliseconds life = pending->submission.expires > milliseconds(0) ? pending->submission.expires
                                                                          : std::max(record.timeout, options_.board.reconnect_grace);
  record.jid = next_jid();
  record.issued = clock_.unix_now();
  record.not_after = record.issued + in_micros(std::min(life, options_.max_expires));
  record.forget_at = record.not_after + in_micros(options_.keep_jobs);
  if (auto signed_job = notary_.sign_job(record); !signed_job) return pending->done(std::unexpected(signed_job.error()));
  if (cluster_) pending->reading = cluster_->reading();
  const bool taken = ledger_.publish(pending->record, [this, pending](Result<PublishedJob> result) {
    loop_.post([this, pending, result = std::move(result)]() mutable {
      --publishing_;
      published(pending, std::move(result));
    });
  });
  if (!taken) return pending->done(std::unexpected(refused(busy("the ledger has too much to write"))));
  ++publishing_;
}

void Engine::published(const std::shared_ptr<PendingSubmission>& pending, Result<PublishedJob> result) {
  if (!result) return pending->done(std::unexpected(refused(result.error())));
  if (result->result == store::JobResult::kJidExists) return publish(pending);
  if (result->result == store::JobResult::kRepeated) return repeated(*pending, result->jid);
  counters_.jobs.fetch_add(1, std::memory_order_relaxed);
  pending->done(Submitted{result->jid, static_cast<std::uint32_t>(pending->record->expected.size()), false});
  event_job(*pending->record, Origin::kHere);
  BRINE_CRASH_POINT("master.before_delivery");
  board_.open(pending->record, {});
  // Before what was heard of the job too early counts: another master may have its returns already.
  if (pending->watcher)
    board_.watch(result->jid, pending->watcher, pending->record->timeout, pending->submission.expires > milliseconds(0));
  if (cluster_) cluster_->opened(result->jid, pending->reading);
  BRINE_CRASH_POINT("master.after_delivery");
  board_.review(result->jid);
}

// What is stored first, then what comes: a return may be told twice, but none is missed.
void Engine::repeated(const PendingSubmission& pending, const JobId& jid) {
  auto record = store_.job(jid);
  auto returns = record && *record && pending.watcher ? all_returns_of(jid) : Result<std::vector<store::ReturnRecord>>();
  if (!record || !returns) return pending.done(std::unexpected(refused(record ? returns.error() : record.error())));
  pending.done(Submitted{jid, *record ? static_cast<std::uint32_t>((*record)->expected.size()) : 0, true});
  if (!pending.watcher) return;
  if (!*record) return pending.watcher->finished({});
  std::vector<MinionId> returned;
  for (const store::ReturnRecord& value : *returns) {
    pending.watcher->returned(value);
    returned.push_back(value.minion);
  }
  open_known(**record, returned);
  if (board_.watch(jid, pending.watcher, pending.record->timeout, pending.submission.expires > milliseconds(0))) return board_.review(jid);
  std::vector<MissingMinion> missing;
  for (const MinionId& id : (*record)->expected) {
    if (!std::binary_search(returned.begin(), returned.end(), id)) missing.push_back(board_.explain(**record, id));
  }
  pending.watcher->finished(missing);
}

Result<std::vector<store::ReturnRecord>> Engine::all_returns_of(const JobId& jid) const {
  std::vector<store::ReturnRecord> all;
  while (true) {
    BRINE_LET(auto page, store_.returns_of(jid, all.empty() ? MinionId() : all.back().minion, kReplayPage));
    if (page.empty()) return all;
    std::move(page.begin(), page.end(), std::back_inserter(all));
  }
}

// A job that lies in the store and is not over goes to the board, if it is not there.
void Engine::open_known(store::JobRecord record, const std::vector<MinionId>& returned) {
  if (board_.find(record.jid) != nullptr || record.signed_job.empty() || record.not_after < clock_.unix_now() ||
      returned.size() == record.expected.size())
    return;
  const JobId jid = record.jid;
  board_.open(std::make_shared<const store::JobRecord>(std::move(record)), returned);
  if (cluster_) cluster_->opened(jid, cluster_->reading());
}

// Called on the ledger's thread.
void Engine::acknowledge(const std::vector<CommittedReturn>& returns) {
  std::map<SessionRef, Gateway::Acknowledgement> by_session;
  for (const CommittedReturn& value : returns) {
    Gateway::Acknowledgement& acknowledgement = by_session[value.session];
    acknowledgement.jids.push_back(value.record.jid);
    acknowledgement.at_once |= value.result == store::ReturnResult::kRepeated;
  }
  std::vector<Gateway::Acknowledgement> list;
  list.reserve(by_session.size());
  for (auto& [session, acknowledgement] : by_session) {
    acknowledgement.session = session;
    list.push_back(std::move(acknowledgement));
  }
  gateway_.acknowledge(std::move(list));
  BRINE_CRASH_POINT("master.after_acknowledgement");
}

void Engine::committed(std::vector<CommittedReturn> returns) {
  const bool events = events_.wants_returns();
  for (const CommittedReturn& value : returns) {
    if (const auto call = calls_.find(value.record.jid); call != calls_.end()) {
      call->second(value.record.jid);
      calls_.erase(call);
    }
    if (value.result == store::ReturnResult::kUnexpected)
      log::warning("{} returned for job {}, which was not addressed to it: ignored", value.record.minion.str(), value.record.jid.str());
    if (value.result == store::ReturnResult::kConflict)
      log::warning("{} returned twice for job {}, differently: the first is kept", value.record.minion.str(), value.record.jid.str());
    if (events && value.result == store::ReturnResult::kFirst) event_return(value.record, Origin::kHere);
    // What was kept is another one, from another master: it is read.
    if (value.result == store::ReturnResult::kConflict && cluster_) {
      cluster_->returned(value.record.jid, value.record.minion);
      continue;
    }
    // A repeated one may be the first that this process hears of: committed before it was killed, acknowledged only now.
    if (value.result != store::ReturnResult::kUnexpected) board_.returned(value.record);
  }
}

void Engine::fed(const std::vector<store::FeedEntry>& entries) {
  if (cluster_) return cluster_->fed(entries);
  for (const store::FeedEntry& entry : entries) {
    if (board_.find(entry.jid) != nullptr) continue;
    auto record = store_.job(entry.jid);
    if (!record) {
      log::error("cannot read job {}: {}", entry.jid.str(), record.error().message);
      continue;
    }
    if (!*record) continue;
    if (const auto returned = store_.returned_minions(entry.jid)) open_known(std::move(**record), *returned);
  }
}

// ---- calls -----------------------------------------------------------------------------------------------------------------

void Engine::report_call(CallReport report, std::function<void(Result<JobId>)> done) {
  loop_.post([this, report = std::move(report), done = std::move(done)]() mutable { on_call(std::move(report), std::move(done)); });
}

void Engine::on_call(CallReport report, std::function<void(Result<JobId>)> done) {
  if (!keys_.is_accepted(report.minion)) return done(fail(Code::kDenied, "the key of " + report.minion.str() + " is not accepted"));
  if (auto admitted = admission_control(); !admitted) return done(std::unexpected(refused(admitted.error())));
  auto record = std::make_shared<store::JobRecord>();
  record->jid = next_jid();
  const std::string& jid = record->jid.str();
  std::seed_seq seed(jid.begin(), jid.end());
  std::mt19937 random(seed);
  for (std::uint8_t& byte : record->submission.bytes) byte = static_cast<std::uint8_t>(random());
  record->function = report.function;
  record->arguments = report.arguments;
  record->target_kind = "list";
  record->target = report.minion.str();
  record->user = "brine-call";
  record->issued = clock_.unix_now();
  record->not_after = record->issued;
  record->forget_at = record->issued + in_micros(options_.keep_jobs);
  record->expected = {report.minion};
  report.result.jid = record->jid;
  report.result.minion = report.minion;
  report.result.received = record->issued;
  const bool taken = ledger_.publish(record, [this, result = report.result, done](Result<PublishedJob> published) {
    loop_.post([this, result, done, published = std::move(published)]() mutable {
      if (!published) return done(std::unexpected(published.error()));
      calls_[result.jid] = done;
      std::vector<PendingReturn> returns{{SessionRef{}, result}};
      if (ledger_.add_returns(std::move(returns))) return;
      calls_.erase(result.jid);
      done(std::unexpected(busy("the ledger has too much to write")));
    });
  });
  if (!taken) done(std::unexpected(busy("the ledger has too much to write")));
}

}  // namespace brine::engine
