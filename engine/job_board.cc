#include "engine/job_board.h"

#include <algorithm>

namespace brine::engine {
namespace {

constexpr std::size_t kPlacesPerDelivery = 4096;
constexpr seconds kCloseEvery{1};

bool alive(OpenJob::Part part) { return part == OpenJob::Part::kQueued || part == OpenJob::Part::kRunning; }

}  // namespace

std::string_view to_string(Missing state) {
  switch (state) {
    case Missing::kRunning: return "running";
    case Missing::kReconnecting: return "reconnecting";
    case Missing::kNotConnected: return "not_connected";
    case Missing::kNotDelivered: return "not_delivered";
    case Missing::kLost: return "lost";
    case Missing::kExpired: return "expired";
  }
  return "unknown";
}

std::size_t OpenJob::place_of(const MinionId& id) const {
  const auto& expected = record->expected;
  const auto found = std::lower_bound(expected.begin(), expected.end(), id);
  if (found == expected.end() || *found != id) return expected.size();
  return static_cast<std::size_t>(found - expected.begin());
}

JobBoard::JobBoard(Roster& roster, Gateway& gateway, const Clock& clock, BoardPolicy policy)
    : roster_(roster), gateway_(gateway), clock_(clock), policy_(policy) {}

void JobBoard::open(std::shared_ptr<const store::JobRecord> record, const std::vector<MinionId>& already_returned) {
  const auto [entry, added] = jobs_.try_emplace(record->jid);
  if (!added) return;
  size_ = jobs_.size();
  entry->second = std::make_shared<OpenJob>();
  OpenJob& job = *entry->second;
  job.record = std::move(record);
  job.parts.assign(job.record->expected.size(), OpenJob::Part::kOwed);
  for (const MinionId& id : already_returned) {
    if (const std::size_t place = job.place_of(id); place < job.parts.size()) set_part(job, place, OpenJob::Part::kReturned);
  }
  std::vector<Gateway::Recipient> recipients;
  for (std::size_t place = 0; place < job.parts.size(); ++place) {
    if (job.parts[place] == OpenJob::Part::kReturned) continue;
    Minion* minion = roster_.find(job.record->expected[place]);
    if (minion == nullptr) continue;
    minion->owes.push_back(&job);
    if (minion->connected()) job.parts[place] = OpenJob::Part::kSent;  // by whoever holds its session
    if (!minion->session) continue;
    recipients.push_back({*minion->session, static_cast<std::uint32_t>(place)});
    if (recipients.size() == kPlacesPerDelivery) gateway_.deliver(job.record, std::exchange(recipients, {}));
  }
  if (!recipients.empty()) gateway_.deliver(job.record, std::move(recipients));
}

void JobBoard::send(OpenJob& job, std::size_t place, const Minion& minion) {
  if (job.parts[place] == OpenJob::Part::kOwed) job.parts[place] = OpenJob::Part::kSent;
  gateway_.deliver(job.record, {{*minion.session, static_cast<std::uint32_t>(place)}});
}

void JobBoard::session_opened(const MinionId& id, Minion& minion, const std::vector<JobId>& running) {
  for (const JobId& jid : running) receipt(id, jid, Receipt::kRunning);
  for (OpenJob* job : minion.owes) send(*job, job->place_of(id), minion);
}

void JobBoard::session_opened_elsewhere(const MinionId& id, Minion& minion) {
  for (OpenJob* job : minion.owes) {
    OpenJob::Part& part = job->parts[job->place_of(id)];
    if (part == OpenJob::Part::kOwed) part = OpenJob::Part::kSent;
  }
}

void JobBoard::set_part(OpenJob& job, std::size_t place, OpenJob::Part part) {
  OpenJob::Part& current = job.parts[place];
  job.running += static_cast<std::size_t>(alive(part)) - static_cast<std::size_t>(alive(current));
  if (part == OpenJob::Part::kReturned && current != part) ++job.returned;
  current = part;
}

void JobBoard::receipt(const MinionId& id, const JobId& jid, Receipt receipt) {
  const auto found = jobs_.find(jid);
  if (found == jobs_.end()) return;
  this->receipt(jid, found->second->place_of(id), receipt);
}

void JobBoard::receipt(const JobId& jid, std::size_t place, Receipt receipt) {
  const auto found = jobs_.find(jid);
  if (found == jobs_.end()) return;
  OpenJob& job = *found->second;
  if (place >= job.parts.size() || job.parts[place] == OpenJob::Part::kReturned) return;
  set_part(job, place, receipt == Receipt::kQueued ? OpenJob::Part::kQueued : OpenJob::Part::kRunning);
}

void JobBoard::returned(const store::ReturnRecord& record) {
  const auto found = jobs_.find(record.jid);
  if (found == jobs_.end()) return;
  OpenJob& job = *found->second;
  const std::size_t place = job.place_of(record.minion);
  if (place == job.parts.size() || job.parts[place] == OpenJob::Part::kReturned) return;
  for (const OpenJob::Watch& watch : job.watches) watch.watcher->returned(record);
  take_return(job, place);
}

void JobBoard::returned(const JobId& jid, std::size_t place) {
  const auto found = jobs_.find(jid);
  if (found == jobs_.end()) return;
  OpenJob& job = *found->second;
  if (place < job.parts.size() && job.parts[place] != OpenJob::Part::kReturned) take_return(job, place);
}

void JobBoard::take_return(OpenJob& job, std::size_t place) {
  set_part(job, place, OpenJob::Part::kReturned);
  if (Minion* minion = roster_.find(job.record->expected[place])) std::erase(minion->owes, &job);
  if (!job.complete()) return;
  review(job, clock_.now());
  close(JobId(job.record->jid));
}

void JobBoard::forget(const MinionId& id) {
  if (Minion* minion = roster_.find(id)) minion->owes.clear();
}

bool JobBoard::watch(const JobId& jid, std::shared_ptr<Watcher> watcher, milliseconds timeout, bool patient) {
  const auto found = jobs_.find(jid);
  if (found == jobs_.end()) return false;
  found->second->watches.push_back({std::move(watcher), {clock_.now() + timeout, patient}});
  return true;
}

JobBoard::Judgement JobBoard::judge(const store::JobRecord& record, OpenJob::Part part, const MinionId& id, Patience patience,
                                    MonoTime now) const {
  Judgement judgement = judge_itself(record, part, id, patience, now);
  const Minion* minion = roster_.find(id);
  if (minion == nullptr || minion->path.empty() || !(minion->session || minion->gateway_lost)) return judgement;
  judgement.missing.text +=
      " (behind syndic " + name_of_path(minion->path) + (minion->gateway_lost && !minion->connected() ? ", which is away)" : ")");
  return judgement;
}

JobBoard::Judgement JobBoard::judge_itself(const store::JobRecord& record, OpenJob::Part part, const MinionId& id, Patience patience,
                                           MonoTime now) const {
  const Minion* minion = roster_.find(id);
  const bool expired = record.not_after < clock_.unix_now();
  const std::string stays = expired ? "" : "; the job stays open for it";
  if (minion == nullptr) return {{id, Missing::kNotConnected, "its key is no longer accepted"}, false};
  if (minion->connected()) {
    if (alive(part)) return {{id, Missing::kRunning, "still running"}, true};
    if (expired) return {{id, Missing::kNotDelivered, "no sign of it; the job has expired"}, now < patience.until};
    return {{id, Missing::kNotDelivered, "sent, but no sign of it yet" + stays}, now < patience.until};
  }
  const bool within_grace = !minion->left && now - minion->away_since < policy_.reconnect_grace;
  if (alive(part)) {
    if (within_grace) return {{id, Missing::kReconnecting, "it was running when its connection was lost"}, true};
    return {{id, Missing::kLost, "its connection was lost while it was running"}, false};
  }
  if (within_grace) return {{id, Missing::kReconnecting, "its connection was lost a moment ago" + stays}, now < patience.until};
  const bool absent_is_waited_for = patience.with_absent && !expired && now < patience.until;
  // A quick job gives no sign of life but its return.
  if (part == OpenJob::Part::kSent)
    return {{id, Missing::kLost, "its connection was lost after the job was sent: it may have run" + stays}, absent_is_waited_for};
  return {{id, Missing::kNotConnected, "not connected" + stays}, absent_is_waited_for};
}

MissingMinion JobBoard::explain(const store::JobRecord& record, const MinionId& id) const {
  const OpenJob* job = find(record.jid);
  if (job == nullptr && record.not_after < clock_.unix_now()) return {id, Missing::kExpired, "no return within the life of the job"};
  const std::size_t place = job != nullptr ? job->place_of(id) : 0;
  const OpenJob::Part part = job != nullptr && place < job->parts.size() ? job->parts[place] : OpenJob::Part::kOwed;
  return judge(record, part, id, {clock_.now(), false}, clock_.now()).missing;
}

void JobBoard::review(OpenJob& job, MonoTime now) {
  std::erase_if(job.watches, [](const OpenJob::Watch& watch) { return watch.watcher->gone(); });
  if (job.watches.empty()) return;
  const auto wait = [&](const OpenJob::Watch& watch) {
    for (std::size_t place = 0; place < job.parts.size(); ++place) {
      if (job.parts[place] != OpenJob::Part::kReturned &&
          judge(*job.record, job.parts[place], job.record->expected[place], watch.patience, now).wait)
        return true;
    }
    return false;
  };
  std::erase_if(job.watches, [&](const OpenJob::Watch& watch) {
    if (!job.complete() && wait(watch)) return false;
    std::vector<MissingMinion> missing;
    for (std::size_t place = 0; place < job.parts.size(); ++place) {
      if (job.parts[place] != OpenJob::Part::kReturned)
        missing.push_back(judge(*job.record, job.parts[place], job.record->expected[place], watch.patience, now).missing);
    }
    watch.watcher->finished(missing);
    return true;
  });
}

// Its life is over and nobody within reach works on it. What comes later all the same goes to the record through the ledger.
bool JobBoard::over(const OpenJob& job) const {
  if (!job.watches.empty() || job.record->not_after >= clock_.unix_now()) return false;
  if (job.running == 0) return true;
  const MonoTime now = clock_.now();
  for (std::size_t place = 0; place < job.parts.size(); ++place) {
    if (!alive(job.parts[place])) continue;
    const Minion* minion = roster_.find(job.record->expected[place]);
    if (minion != nullptr && (minion->connected() || now - minion->away_since < policy_.reconnect_grace)) return false;
  }
  return true;
}

void JobBoard::review() {
  const MonoTime now = clock_.now();
  for (auto& [jid, job] : jobs_) review(*job, now);
  if (now < next_close_) return;
  next_close_ = now + kCloseEvery;
  std::vector<JobId> over_now;
  for (const auto& [jid, job] : jobs_) {
    if (over(*job)) over_now.push_back(jid);
  }
  for (const JobId& jid : over_now) close(jid);
}

void JobBoard::review(const JobId& jid) {
  const auto found = jobs_.find(jid);
  if (found != jobs_.end()) review(*found->second, clock_.now());
}

void JobBoard::close(const JobId& jid) {
  const auto found = jobs_.find(jid);
  if (found == jobs_.end()) return;
  OpenJob& job = *found->second;
  for (std::size_t place = 0; place < job.parts.size(); ++place) {
    if (job.parts[place] == OpenJob::Part::kReturned) continue;
    if (Minion* minion = roster_.find(job.record->expected[place])) std::erase(minion->owes, &job);
  }
  gateway_.job_closed(jid);
  jobs_.erase(found);
  size_ = jobs_.size();
}

std::vector<std::shared_ptr<const OpenJob>> JobBoard::open_jobs() const {
  std::vector<std::shared_ptr<const OpenJob>> jobs;
  for (const auto& [jid, job] : jobs_) jobs.push_back(job);
  return jobs;
}

const OpenJob* JobBoard::find(const JobId& jid) const {
  const auto found = jobs_.find(jid);
  return found == jobs_.end() ? nullptr : found->second.get();
}

}  // namespace brine::engine
