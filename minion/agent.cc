#include "minion/agent.h"

#include <algorithm>

#include "base/crash_point.h"
#include "base/log.h"
#include "net/attachment.h"
#include "net/merkle.h"
#include "target/expression.h"
#include "wire/job.h"

namespace brine::minion {
namespace {

constexpr std::size_t kMaxDeclined = 4'096;
constexpr std::size_t kSealOverhead = 256;  // frame header, counter, tag, envelope
constexpr std::size_t kFrameOverhead = 32;  // of those, what is not in the encoded return

std::string json_text(std::string_view text) { return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace); }

store::Outcome outcome_of(JobRefusal reason) {
  switch (reason) {
    case JobRefusal::kUnknown: return store::Outcome::kUnknown;
    case JobRefusal::kNoMatch: return store::Outcome::kNoMatch;
    default: return store::Outcome::kRefused;
  }
}

void count_done(AgentCounters& counters, int retcode, microseconds duration, bool interrupted) {
  counters.job_time.observe(duration);
  if (interrupted) return AgentCounters::add(counters.jobs_interrupted);
  AgentCounters::add(retcode == 0 ? counters.jobs_succeeded : counters.jobs_failed);
}

// What is answered about a job that did not run to its end here.
store::ReturnRecord unrun(const JobId& jid, store::Outcome outcome, std::string_view text) {
  store::ReturnRecord record;
  record.jid = jid;
  record.outcome = outcome;
  record.retcode = 1;
  record.payload = json_text(text);
  return record;
}

net::SessionOptions session_options(const AgentOptions& options) {
  net::SessionOptions session = options;
  session.instance = net::random_u64();
  return session;
}

}  // namespace

Agent::Agent(AgentParts parts, AgentOptions options, std::string cookie)
    : parts_(parts),
      options_(std::move(options)),
      session_({parts.key, parts.trust, parts.link, parts.keepsake, parts.clock}, session_options(options_), std::move(cookie), *this),
      started_(parts.clock.now()) {
  for (const JournalEntry* entry : parts_.journal.unacknowledged()) to_send_.push_back(entry->jid);
  grains_changed();
}

Status Agent::report_interrupted() {
  for (const JournalEntry* entry : parts_.journal.unfinished()) {
    const JobId jid = entry->jid;
    const UnixMicros not_after = entry->not_after;
    BRINE_TRY(
        parts_.journal.done(jid, not_after,
                            encode(wire::Return{unrun(jid, store::Outcome::kInterrupted,
                                                      "The minion was stopped while it ran this; what it had started was killed.")})));
    queue_return(jid);
    AgentCounters::add(parts_.counters.jobs_interrupted);
  }
  return parts_.journal.sync();
}

// ---- session ---------------------------------------------------------------------------------------------------------------

MonoTime Agent::next_tick() const {
  const MonoTime next = session_.next_tick();
  return open() && !due_receipts_.empty() ? std::min(next, due_receipts_.front().first) : next;
}

void Agent::on_tick() {
  if (open()) send_due_receipts();
  session_.on_tick();
}

// Nothing sealed for the old session is of use in the next: what was not acknowledged is sealed again.
void Agent::on_end() {
  if (parts_.mine != nullptr) parts_.mine->session_closed();
  for (const auto& [jid, bytes] : in_flight_) to_send_.push_back(jid);
  std::sort(to_send_.begin(), to_send_.end());
  in_flight_.clear();
  in_flight_bytes_ = 0;
}

bool Agent::on_message(wire::SessionMessage&& message) {
  if (const auto* delivery = std::get_if<wire::Delivery>(&message)) return on_delivery(*delivery), true;
  if (const auto* ack = std::get_if<wire::Ack>(&message)) return on_ack(*ack), true;
  if (auto* reply = std::get_if<wire::MineReply>(&message); reply != nullptr && parts_.mine != nullptr)
    return parts_.mine->replied(reply->number, std::move(reply->json), std::move(reply->error)), true;
  return false;
}

void Agent::on_open(const wire::Welcome& welcome) {
  AgentCounters::add(parts_.counters.sessions);
  date_journal(welcome);
  say_behind();
  send_status();
  send_journal_mark();
  if (parts_.mine != nullptr) parts_.mine->session_opened();
  send_returns();
}

void Agent::date_journal(const wire::Welcome& welcome) {
  if (welcome.renew_journal) {
    log::warning("the journal is not what it was (restored from a snapshot?): jobs from before now are answered with \"unknown\"");
    no_job_before_ = welcome.master_time;
    if (auto renewed = parts_.journal.renew(welcome.master_time); !renewed) log::error("{}", renewed.error().message);
  } else if (parts_.journal.birth() == 0) {
    // The journal was made by this process; its age is known, so its birth is known in the master's time.
    const auto age = std::chrono::duration_cast<microseconds>(parts_.clock.now() - started_).count();
    if (auto stamped = parts_.journal.set_birth(welcome.master_time - age); !stamped) log::error("{}", stamped.error().message);
    needs_sync_ = true;
  }
}

// A syndic can show by this that it may speak for this minion.
void Agent::say_behind() {
  if (!parts_.trust.speaks(session_.peer_key(), wire::Role::kSyndic, parts_.clock.unix_now())) return;
  attached_at_ = std::max(master_now(), attached_at_ + 1);
  auto word = net::attach(parts_.key, options_.id, parts_.trust.cluster_root(), session_.peer_key(), attached_at_);
  send(wire::Behind{word.issued, std::move(word.signature)});
}

void Agent::send_status() {
  wire::Status status{grains_text_, {}};
  for (const auto& [jid, running] : running_) status.running.push_back(jid);
  due_receipts_.clear();
  send(status);
}

void Agent::send_journal_mark() { send(wire::JournalMark{parts_.journal.epoch(), parts_.journal.sequence()}); }

void Agent::grains_changed() {
  grains_text_ = parts_.grains.text();
  auto parsed = target::Grains::from_json(grains_text_);
  if (parsed)
    grains_ = std::move(*parsed);
  else
    log::error("the grains are not usable for targeting: {}", parsed.error().message);
  if (open()) send_status();
}

// ---- jobs ------------------------------------------------------------------------------------------------------------------

void Agent::on_delivery(const wire::Delivery& delivery) {
  BRINE_CRASH_POINT("minion.delivery_received");
  AgentCounters::add(parts_.counters.jobs_received);
  const auto invalid = [this](const std::string& what) {
    parts_.counters.add(JobRefusal::kInvalid);
    log::error("{}", what);
  };
  const auto signed_job = wire::decode_signed_job(delivery.job);
  if (!signed_job) return invalid("a malformed job was refused: " + signed_job.error().message);
  const auto job = parts_.trust.verify_job(*signed_job, master_now());
  if (!job) return invalid("a job was refused: " + job.error().message);
  if (!net::verify_inclusion(options_.id, delivery.index, job->expected_count, delivery.proof, job->expected_root))
    return invalid("job " + job->jid.str() + " was refused: it is not meant for this minion");
  if (answer_known(job->jid)) return;
  // Not begun: the master sends it again to the next life of this minion.
  if (session_.stopping()) return;
  if (job->issued < std::max(parts_.journal.birth(), no_job_before_))
    return refuse(job->jid, JobRefusal::kUnknown, "The minion's journal is newer than the job: it cannot know whether it ran.");
  if (const auto refusal = refusal_of(*job)) return refuse(job->jid, refusal->first, refusal->second);
  if (!matches(*job)) return refuse(job->jid, JobRefusal::kNoMatch, "The target does not match this minion (any more).");
  take_job(*job, signed_job->job);
}

// True if this jid is running, done, acknowledged or declined: it is answered and never run (again).
bool Agent::answer_known(const JobId& jid) {
  if (const auto declined = declined_.find(jid); declined != declined_.end()) {
    send(declined->second);
    return true;
  }
  if (const auto running = running_.find(jid); running != running_.end()) {
    receipt(jid, running->second.started ? wire::ReceiptState::kRunning : wire::ReceiptState::kQueued);
    return true;
  }
  const JournalEntry* entry = parts_.journal.find(jid);
  if (entry == nullptr) return false;
  receipt(jid, wire::ReceiptState::kDone);
  const bool unsynced = std::find(unsynced_.begin(), unsynced_.end(), jid) != unsynced_.end();
  if (entry->state == JobState::kDone && !unsynced && !in_flight_.contains(jid)) {
    queue_return(jid);
    send_returns();
  }
  return true;
}

void Agent::refuse(const JobId& jid, JobRefusal reason, std::string_view text) {
  parts_.counters.add(reason);
  answer(jid, outcome_of(reason), text);
}

std::optional<std::pair<JobRefusal, std::string>> Agent::refusal_of(const wire::Job& job) const {
  if (master_now() > job.not_after) return std::pair(JobRefusal::kExpired, "The job had expired when it reached the minion.");
  if (parts_.executor.room() <= waiting_starts_.size())
    return std::pair(JobRefusal::kBusy, "The minion is busy: it runs and queues as many jobs as it may; retry later.");
  return std::nullopt;
}

bool Agent::matches(const wire::Job& job) {
  const auto kind = target::parse_kind(job.target_kind);
  if (!kind) return false;
  const auto expression = target::parse(*kind, job.target, job.delimiter);
  return expression && expression->matches({.id = options_.id.str(), .grains = &grains_});
}

void Agent::take_job(const wire::Job& job, std::string_view job_bytes) {
  const Json arguments = Json::parse(job.arguments, nullptr, false);
  JobToRun run{job.jid, job.function, {}, {}};
  if (arguments.is_object()) {
    if (const auto args = arguments.find("args"); args != arguments.end() && args->is_array()) run.args = args->get<std::vector<Json>>();
    if (const auto kwargs = arguments.find("kwargs"); kwargs != arguments.end() && kwargs->is_object()) {
      for (const auto& [name, value] : kwargs->items()) run.kwargs[name] = value;
    }
  }
  const Function* function = parts_.executor.find(job.function);
  const bool repeatable = function == nullptr || function->repeatable;
  if (!repeatable) {
    if (auto begun = parts_.journal.begun(job.jid, job.not_after, net::sha256(job_bytes)); !begun)
      return refuse(job.jid, JobRefusal::kJournal, "The minion cannot write the job down and did not run it: " + begun.error().message);
    needs_sync_ = true;
  }
  running_[job.jid] = {job.not_after, repeatable, false};
  waiting_starts_.push_back({std::move(run)});
  due_receipts_.emplace_back(parts_.clock.now() + options_.receipt_after, job.jid);
}

void Agent::answer(const JobId& jid, store::Outcome outcome, std::string_view text) {
  wire::Return refusal{unrun(jid, outcome, text)};
  send(refusal);
  declined_.insert_or_assign(jid, std::move(refusal));
  if (declined_.size() > kMaxDeclined) declined_.erase(declined_.begin());
}

void Agent::receipt(const JobId& jid, wire::ReceiptState state) { send(wire::Receipt{jid, state}); }

void Agent::send_due_receipts() {
  const MonoTime now = parts_.clock.now();
  while (open() && !due_receipts_.empty() && due_receipts_.front().first <= now) {
    const JobId jid = std::move(due_receipts_.front().second);
    due_receipts_.pop_front();
    if (const auto found = running_.find(jid); found != running_.end())
      receipt(jid, found->second.started ? wire::ReceiptState::kRunning : wire::ReceiptState::kQueued);
  }
}

void Agent::on_done(const JobId& jid, const Outcome& outcome, UnixMicros started, microseconds duration, bool interrupted) {
  const auto found = running_.find(jid);
  if (found == running_.end()) return;
  BRINE_CRASH_POINT("minion.executed");
  count_done(parts_.counters, outcome.retcode, duration, interrupted);
  store::ReturnRecord record;
  record.jid = jid;
  record.outcome = interrupted ? store::Outcome::kInterrupted : store::Outcome::kReturned;
  record.retcode = outcome.retcode;
  record.success = outcome.retcode == 0 && !interrupted;
  record.payload = outcome.value.dump(-1, ' ', false, Json::error_handler_t::replace);
  record.started = started;
  record.duration_us = static_cast<std::uint64_t>(duration.count());
  if (auto done = parts_.journal.done(jid, found->second.not_after, encoded_return(std::move(record))); !done)
    log::error("cannot write the return of {} down: {}", jid.str(), done.error().message);
  // A lost return of a function that may be repeated costs a repetition, no harm: it need not wait for the disk.
  if (found->second.repeatable) {
    queue_return(jid);
  } else {
    needs_sync_ = true;
    unsynced_.push_back(jid);
  }
  running_.erase(found);
}

std::string Agent::encoded_return(store::ReturnRecord record) const {
  const std::size_t size = record.payload.size();
  if (size + kSealOverhead > session_.max_message()) {
    record.payload =
        json_text("The return has " + std::to_string(size) + " bytes, more than max_message allows; write it to a file instead.");
    record.success = false;
    record.retcode = record.retcode == 0 ? 1 : record.retcode;
  }
  return encode(wire::Return{std::move(record)});
}

std::string Agent::shortened(const std::string& encoded) const {
  auto message = wire::decode_session_message(encoded);
  auto* value = message ? std::get_if<wire::Return>(&*message) : nullptr;
  return value != nullptr ? encoded_return(std::move(value->record)) : encoded;
}

// ---- returns ---------------------------------------------------------------------------------------------------------------

void Agent::queue_return(const JobId& jid) {
  if (std::find(to_send_.begin(), to_send_.end(), jid) == to_send_.end()) to_send_.push_back(jid);
}

void Agent::send_returns() {
  while (open() && !to_send_.empty() && in_flight_.size() < options_.window && in_flight_bytes_ < options_.window_bytes) {
    const JobId jid = to_send_.front();
    to_send_.pop_front();
    const JournalEntry* entry = parts_.journal.find(jid);
    if (entry == nullptr || entry->state != JobState::kDone) continue;
    const std::size_t size = entry->outcome.size();
    in_flight_[jid] = size;
    in_flight_bytes_ += size;
    // Written down when another limit held: sent as it is, it would end every session again.
    size + kFrameOverhead > session_.max_message() ? session_.send_encoded(shortened(entry->outcome))
                                                   : session_.send_encoded(entry->outcome);
    BRINE_CRASH_POINT("minion.return_sent");
  }
}

void Agent::on_ack(const wire::Ack& ack) {
  BRINE_CRASH_POINT("minion.ack_received");
  for (const JobId& jid : ack.jids) {
    if (auto acked = parts_.journal.acked(jid); !acked) log::error("{}", acked.error().message);
    if (const auto found = in_flight_.find(jid); found != in_flight_.end()) {
      AgentCounters::add(parts_.counters.returns_acknowledged);
      in_flight_bytes_ -= found->second;
      in_flight_.erase(found);
    }
  }
  BRINE_CRASH_POINT("minion.acked");
  send_returns();
}

void Agent::flush() {
  if (needs_sync_) {
    if (auto synced = sync_journal(); !synced) {
      // What is not on the disk is neither started nor sent.
      if (!std::exchange(sync_fails_, true)) log::error("cannot sync the journal: {}", synced.error().message);
      for (const WaitingStart& start : std::exchange(waiting_starts_, {})) refuse_start(start.job.jid, synced.error());
      return;
    }
    needs_sync_ = false;
    sync_fails_ = false;
    for (const JobId& jid : std::exchange(unsynced_, {})) queue_return(jid);
    // Before anything starts: should the journal go back later, the master must know that it was here.
    if (!waiting_starts_.empty()) send_journal_mark();
  }
  for (WaitingStart& start : std::exchange(waiting_starts_, {})) {
    BRINE_CRASH_POINT("minion.begun");
    const auto found = running_.find(start.job.jid);
    if (found == running_.end()) continue;
    found->second.started = true;
    parts_.executor.start(std::move(start.job));
  }
  if (!to_send_.empty()) {
    BRINE_CRASH_POINT("minion.done");
    send_returns();
  }
}

Status Agent::sync_journal() {
  const MonoTime begin = parts_.clock.now();
  auto synced = parts_.journal.sync();
  parts_.counters.journal_sync_time.observe(std::chrono::duration_cast<microseconds>(parts_.clock.now() - begin));
  if (!synced) AgentCounters::add(parts_.counters.journal_sync_failures);
  return synced;
}

void Agent::refuse_start(const JobId& jid, const Error& error) {
  const std::string text = "The minion cannot write the job down and did not run it: " + error.message;
  const auto found = running_.find(jid);
  if (found == running_.end()) return;
  // It must not stand in the journal as begun: it would be taken for running when it is delivered again.
  if (!found->second.repeatable) {
    if (auto done = parts_.journal.done(jid, found->second.not_after, encode(wire::Return{unrun(jid, store::Outcome::kRefused, text)}));
        !done)
      log::error("{}", done.error().message);
  }
  running_.erase(found);
  refuse(jid, JobRefusal::kJournal, text);
}

void Agent::stop() { session_.stop(); }

bool Agent::idle() const {
  if (!running_.empty() || !waiting_starts_.empty()) return false;
  return !open() || (in_flight_.empty() && to_send_.empty() && unsynced_.empty());
}

}  // namespace brine::minion
