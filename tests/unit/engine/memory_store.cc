#include "tests/unit/engine/memory_store.h"

#include <algorithm>
#include <tuple>

#include "tests/unit/store/memory_jobs.h"

namespace brine::engine {

using store::JobResult;
using store::ReturnResult;

MemoryStore::Hold::Hold(MemoryStore& store) : store_(&store) {
  std::lock_guard lock(store_->mutex_);
  ++store_->holds_;
}

void MemoryStore::Hold::release() {
  if (store_ == nullptr) return;
  {
    std::lock_guard lock(store_->mutex_);
    --store_->holds_;
  }
  store_->moved_.notify_all();
  store_ = nullptr;
}

void MemoryStore::go_away(std::string why) {
  std::lock_guard lock(mutex_);
  away_ = true;
  why_ = std::move(why);
}

void MemoryStore::come_back() {
  std::lock_guard lock(mutex_);
  away_ = false;
}

void MemoryStore::fail_commits(int count) {
  std::lock_guard lock(mutex_);
  failing_commits_ = count;
  why_ = "a commit was told to fail";
}

bool MemoryStore::commit_is_waiting() const {
  std::lock_guard lock(mutex_);
  return waiting_;
}

std::vector<std::size_t> MemoryStore::commit_sizes() const {
  std::lock_guard lock(mutex_);
  return commit_sizes_;
}

std::vector<store::ReturnRecord> MemoryStore::kept() const {
  std::lock_guard lock(mutex_);
  return kept_;
}

std::map<std::string, std::string> MemoryStore::settings() const {
  std::lock_guard lock(mutex_);
  return settings_;
}

int MemoryStore::key_writes() const {
  std::lock_guard lock(mutex_);
  return key_writes_;
}

int MemoryStore::reopened() const {
  std::lock_guard lock(mutex_);
  return reopened_;
}

std::size_t MemoryStore::job_count() const {
  std::lock_guard lock(mutex_);
  return jobs_.size();
}

void MemoryStore::put_job(store::JobRecord job) {
  std::lock_guard lock(mutex_);
  JobId jid;
  publish(job, jid);
}

void MemoryStore::put_key(store::KeyRecord key) {
  std::lock_guard lock(mutex_);
  const bool denied = key.state == store::KeyState::kDenied;
  keys_[{key.id, denied}] = std::move(key);
}

JobResult MemoryStore::publish(const store::JobRecord& job, JobId& jid) {
  jid = job.jid;
  if (const auto known = submissions_.find(job.submission); known != submissions_.end()) {
    jid = known->second;
    return JobResult::kRepeated;
  }
  if (jobs_.contains(job.jid)) return JobResult::kJidExists;
  jobs_[job.jid] = job;
  submissions_[job.submission] = job.jid;
  feed_.push_back({{epoch(), feed_.size() + 1}, job.jid});
  return JobResult::kPublished;
}

ReturnResult MemoryStore::add(const store::ReturnRecord& value) {
  const auto job = jobs_.find(value.jid);
  if (job == jobs_.end()) {
    outbox_.push_back({.position = outbox_.size() + 1, .late = true, .value = value});
    return ReturnResult::kLate;
  }
  const auto& expected = job->second.expected;
  if (!std::binary_search(expected.begin(), expected.end(), value.minion)) return ReturnResult::kUnexpected;
  const auto [kept, added] = returns_.try_emplace({value.jid, value.minion}, value);
  if (!added) return kept->second.payload == value.payload ? ReturnResult::kRepeated : ReturnResult::kConflict;
  kept_.push_back(value);
  outbox_.push_back({.position = outbox_.size() + 1, .function = job->second.function, .value = value});
  return ReturnResult::kFirst;
}

store::UseResult MemoryStore::use(const store::KeyRecord& key, const std::string& token) {
  if (const auto held = keys_.find({key.id, false}); held != keys_.end()) {
    if (held->second.version >= key.version) return store::UseResult::kKeyKept;
    const bool accepted = held->second.state == store::KeyState::kAccepted;
    if (accepted && held->second.public_key == key.public_key) return store::UseResult::kRepeated;
    if (held->second.state != store::KeyState::kPending) return store::UseResult::kKeyKept;
  }
  const auto found = tokens_.find(token);
  if (found == tokens_.end() || found->second.used >= found->second.uses) return store::UseResult::kNoneLeft;
  ++found->second.used;
  return store::UseResult::kCounted;
}

Result<std::vector<store::TokenRecord>> MemoryStore::tokens() const {
  std::lock_guard lock(mutex_);
  std::vector<store::TokenRecord> all;
  for (const auto& [id, token] : tokens_) all.push_back(token);
  return all;
}

Result<store::CommitOutcome> MemoryStore::commit(const store::Batch& batch) {
  std::unique_lock lock(mutex_);
  waiting_ = true;
  moved_.wait(lock, [this] { return holds_ == 0; });
  waiting_ = false;
  if (away_) return fail(Code::kUnavailable, why_);
  if (failing_commits_ > 0) {
    --failing_commits_;
    return fail(Code::kUnavailable, why_);
  }
  for (const store::ReturnRecord& value : batch.returns) {
    if (malformed_.contains(value.minion)) return fail(Code::kInvalid, "malformed");
  }
  store::CommitOutcome outcome;
  outcome.feed_before = {epoch(), feed_.size()};
  for (const store::JobRecord& job : batch.jobs) {
    JobId jid;
    outcome.jobs.push_back(publish(job, jid));
    outcome.jids.push_back(jid);
  }
  for (const store::ReturnRecord& value : batch.returns) outcome.returns.push_back(add(value));
  for (const store::EventRecord& event : batch.events) outbox_.push_back({.position = outbox_.size() + 1, .event = event});
  for (const store::TokenRecord& token : batch.tokens) tokens_.emplace(token.id, token);
  auto token_use = batch.token_uses.begin();
  for (std::size_t i = 0; i < batch.keys.size(); ++i) {
    const store::KeyRecord& key = batch.keys[i];
    if (token_use != batch.token_uses.end() && token_use->key == i) {
      outcome.token_uses.push_back(use(key, (token_use++)->token));
      if (outcome.token_uses.back() == store::UseResult::kKeyKept || outcome.token_uses.back() == store::UseResult::kNoneLeft) {
        outcome.keys.push_back(false);
        continue;
      }
    }
    store::KeyRecord& kept = keys_[{key.id, key.state == store::KeyState::kDenied}];
    outcome.keys.push_back(kept.version < key.version);
    if (outcome.keys.back()) kept = key;
    ++key_writes_;
  }
  for (const std::string& id : batch.forgotten_tokens) tokens_.erase(id);
  for (const auto& key : batch.forgotten_keys) keys_.erase(key);
  for (const store::Departure& departure : batch.departures) {
    const auto found = keys_.find({departure.id, false});
    outcome.departures.push_back(found != keys_.end() && found->second.version == departure.key_version);
    if (outcome.departures.back()) keys_.erase(found);
  }
  for (const store::GrainsRecord& record : batch.grains) grains_[record.id] = record;
  grains_writes_ += static_cast<int>(batch.grains.size());
  for (const store::JournalMark& mark : batch.journals) journals_[mark.id] = mark;
  for (const store::MineRecord& entry : batch.mine) mine_[{entry.id, entry.name}] = entry;
  mine_writes_ += static_cast<int>(batch.mine.size());
  for (const auto& name : batch.forgotten_mine) mine_.erase(name);
  for (const MinionId& id : batch.forgotten_minions) {
    grains_.erase(id);
    journals_.erase(id);
    std::erase_if(mine_, [&](const auto& entry) { return entry.first.first == id; });
  }
  for (const auto& [name, position] : batch.returner_positions) positions_[name] = std::max(positions_[name], position);
  for (const auto& [name, value] : batch.settings) {
    settings_[name] = value;
    if (value.empty()) settings_.erase(name);
  }
  commit_sizes_.push_back(batch.returns.size());
  outcome.feed_end = {epoch(), feed_.size()};
  return outcome;
}

Status MemoryStore::reopen() {
  std::lock_guard lock(mutex_);
  if (away_) return fail(Code::kUnavailable, why_);
  ++reopened_;
  return {};
}

Result<store::Expired> MemoryStore::expire(const store::Retention& retention) {
  std::lock_guard lock(mutex_);
  if (away_) return fail(Code::kUnavailable, why_);
  retention_ = retention;
  return std::exchange(expires_, {});
}

void MemoryStore::refuse_returns_of(const MinionId& id) {
  std::lock_guard lock(mutex_);
  malformed_.insert(id);
}

void MemoryStore::put_journal(store::JournalMark mark) {
  std::lock_guard lock(mutex_);
  journals_[mark.id] = std::move(mark);
}

int MemoryStore::grains_writes() const {
  std::lock_guard lock(mutex_);
  return grains_writes_;
}

void MemoryStore::let_expire(store::Expired expired) {
  std::lock_guard lock(mutex_);
  expires_ = expired;
}

store::Retention MemoryStore::retention() const {
  std::lock_guard lock(mutex_);
  return retention_;
}

Result<std::vector<store::JournalMark>> MemoryStore::journals() const {
  std::lock_guard lock(mutex_);
  std::vector<store::JournalMark> all;
  for (const auto& [id, mark] : journals_) all.push_back(mark);
  return all;
}

Result<std::vector<store::KeyRecord>> MemoryStore::keys() const {
  std::lock_guard lock(mutex_);
  std::vector<store::KeyRecord> all;
  for (const auto& [name, record] : keys_) all.push_back(record);
  return all;
}

Result<std::vector<store::GrainsRecord>> MemoryStore::grains() const {
  std::lock_guard lock(mutex_);
  std::vector<store::GrainsRecord> all;
  for (const auto& [id, record] : grains_) all.push_back(record);
  return all;
}

Result<std::vector<store::MineRecord>> MemoryStore::mine() const {
  std::lock_guard lock(mutex_);
  std::vector<store::MineRecord> all;
  for (const auto& [name, entry] : mine_) all.push_back(entry);
  return all;
}

int MemoryStore::mine_writes() const {
  std::lock_guard lock(mutex_);
  return mine_writes_;
}

void MemoryStore::put_mine(store::MineRecord entry) {
  std::lock_guard lock(mutex_);
  mine_[{entry.id, entry.name}] = std::move(entry);
}

Result<std::optional<std::string>> MemoryStore::setting(const std::string& name) const {
  std::lock_guard lock(mutex_);
  const auto found = settings_.find(name);
  return found == settings_.end() ? std::optional<std::string>() : found->second;
}

Result<JobId> MemoryStore::last_jid() const {
  std::lock_guard lock(mutex_);
  return jobs_.empty() ? JobId() : jobs_.rbegin()->first;
}

Result<store::FeedPosition> MemoryStore::feed_end() const {
  std::lock_guard lock(mutex_);
  return store::FeedPosition{epoch(), feed_.size()};
}

Result<std::vector<store::FeedEntry>> MemoryStore::feed_after(store::FeedPosition after, std::size_t max) const {
  std::lock_guard lock(mutex_);
  if (away_) return fail(Code::kUnavailable, why_);
  std::vector<store::FeedEntry> page;
  for (const store::FeedEntry& entry : feed_) {
    if (after < entry.position && page.size() < max) page.push_back(entry);
  }
  return page;
}

Result<std::optional<store::JobRecord>> MemoryStore::job(const JobId& jid) const {
  std::lock_guard lock(mutex_);
  const auto found = jobs_.find(jid);
  return found == jobs_.end() ? std::optional<store::JobRecord>() : found->second;
}

Result<std::optional<JobId>> MemoryStore::job_of(const SubmissionId& submission) const {
  std::lock_guard lock(mutex_);
  const auto found = submissions_.find(submission);
  return found == submissions_.end() ? std::optional<JobId>() : found->second;
}

Result<std::vector<store::ReturnRecord>> MemoryStore::returns_of(const JobId& jid, const MinionId& after, std::size_t max) const {
  std::lock_guard lock(mutex_);
  std::vector<store::ReturnRecord> page;
  for (const auto& [place, record] : returns_) {
    if (place.first == jid && after < place.second && page.size() < max) page.push_back(record);
  }
  return page;
}

Result<std::vector<MinionId>> MemoryStore::returned_minions(const JobId& jid) const {
  std::lock_guard lock(mutex_);
  std::vector<MinionId> all;
  for (const auto& [place, record] : returns_) {
    if (place.first == jid) all.push_back(place.second);
  }
  return all;
}

Result<std::vector<JobId>> MemoryStore::open_jobs(UnixMicros now) const {
  std::lock_guard lock(mutex_);
  std::vector<JobId> open;
  for (const auto& [jid, job] : jobs_) {
    if (job.not_after >= now) open.push_back(jid);
  }
  return open;
}

Result<store::JobPage> MemoryStore::list_jobs(const store::JobQuery& query) const {
  std::lock_guard lock(mutex_);
  if (away_) return fail(Code::kUnavailable, why_);
  return store::find_jobs(query, jobs_, returns_);
}

Result<std::vector<store::OutboxEntry>> MemoryStore::outbox_after(std::uint64_t position, std::size_t max) const {
  std::lock_guard lock(mutex_);
  if (away_) return fail(Code::kUnavailable, why_);
  std::vector<store::OutboxEntry> page;
  for (const store::OutboxEntry& entry : outbox_) {
    if (entry.position > position && page.size() < max) page.push_back(entry);
  }
  return page;
}

Result<std::uint64_t> MemoryStore::returner_position(const std::string& returner) const {
  std::lock_guard lock(mutex_);
  const auto found = positions_.find(returner);
  return found == positions_.end() ? 0 : found->second;
}

Result<store::OutboxUsage> MemoryStore::outbox_usage() const {
  std::lock_guard lock(mutex_);
  store::OutboxUsage usage;
  usage.entries = outbox_.size();
  usage.end = outbox_.empty() ? 0 : outbox_.back().position;
  for (const store::OutboxEntry& entry : outbox_) usage.bytes += entry.value.payload.size();
  return usage;
}

}  // namespace brine::engine
