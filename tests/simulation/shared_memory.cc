#include "tests/simulation/shared_memory.h"

#include <algorithm>

#include "tests/unit/store/memory_jobs.h"

namespace brine::simulation {
namespace {

using store::JobResult;
using store::News;
using store::ReturnResult;

const Error kNoAnswer{Code::kUnavailable, "the simulated store does not answer"};

bool same(const store::ReturnRecord& a, const store::ReturnRecord& b) {
  return a.outcome == b.outcome && a.retcode == b.retcode && a.success == b.success && a.payload == b.payload && a.started == b.started &&
         a.duration_us == b.duration_us;
}

std::size_t size_of(const store::OutboxEntry& entry) { return entry.value.payload.size() + entry.event.data.size() + 64; }

template <typename Map, typename Value = typename Map::mapped_type>
std::vector<Value> values_of(const Map& map) {
  std::vector<Value> all;
  for (const auto& [name, value] : map) all.push_back(value);
  return all;
}

template <typename Map, typename Value = typename Map::mapped_type>
std::vector<Value> values_of(const Map& map, const std::vector<MinionId>& ids) {
  std::vector<Value> all;
  for (const MinionId& id : ids) {
    if (const auto found = map.find(id); found != map.end()) all.push_back(found->second);
  }
  return all;
}

template <typename Map>
auto value_at(const Map& map, const typename Map::key_type& name) -> std::optional<typename Map::mapped_type> {
  const auto found = map.find(name);
  return found == map.end() ? std::nullopt : std::optional(found->second);
}

void merge(News& all, const News& one) {
  all.feed |= one.feed;
  all.masters |= one.masters;
  for (const auto& [jid, places] : one.returned) all.returned[jid].insert(all.returned[jid].end(), places.begin(), places.end());
  for (const auto& [jid, places] : one.running) all.running[jid].insert(all.running[jid].end(), places.begin(), places.end());
  all.tokens |= one.tokens;
  all.keys.insert(all.keys.end(), one.keys.begin(), one.keys.end());
  all.minions.insert(all.minions.end(), one.minions.begin(), one.minions.end());
  all.mine.insert(all.mine.end(), one.mine.begin(), one.mine.end());
  all.presence.insert(all.presence.end(), one.presence.begin(), one.presence.end());
  all.settings.insert(all.settings.end(), one.settings.begin(), one.settings.end());
}

class Reader final : public store::NewsReader {
 public:
  Reader(SharedMemory& server, std::uint64_t token, std::function<Fault()> fault)
      : server_(server), token_(token), fault_(std::move(fault)), history_(server.history), read_(server.now.news_end) {}

  Result<News> wait(milliseconds) override {
    if (fault_() != Fault::kNone) return std::unexpected(kNoAnswer);
    News all;
    if (std::exchange(history_, server_.history) != server_.history) {
      read_ = server_.now.news_end;
      all.missed = true;
      return all;
    }
    const std::uint64_t first = server_.now.news_end - server_.now.news.size() + 1;
    all.missed = read_ + 1 < first;
    for (std::uint64_t number = std::max(read_ + 1, first); number <= server_.now.news_end; ++number) {
      const SharedMemory::Told& told = server_.now.news[static_cast<std::size_t>(number - first)];
      if (told.origin != token_) merge(all, told.news);
    }
    read_ = server_.now.news_end;
    return all;
  }

 private:
  SharedMemory& server_;
  const std::uint64_t token_;
  const std::function<Fault()> fault_;
  std::uint64_t history_;
  std::uint64_t read_;
};

class Member final : public store::Membership {
 public:
  Member(SharedMemory& server, std::uint64_t token, std::function<Fault()> fault)
      : server_(server), token_(token), fault_(std::move(fault)) {}

  Status renew(const store::MasterCard& self, milliseconds life) override {
    return step([&]() -> Status {
      id_ = self.id;
      SharedMemory::Lease& lease = server_.now.leases[self.id];
      const bool held = lease.until > server_.clock.now();
      if (held && lease.token != token_) return fail(Code::kExists, "another process holds the lease");
      const bool changed = !held || !(server_.now.cards[self.id] == self);
      lease = {token_, server_.clock.now() + life};
      server_.now.cards[self.id] = self;
      if (changed) tell([](News& news) { news.masters = true; });
      return {};
    });
  }

  Status leave() override {
    return step([&]() -> Status {
      if (!server_.holds_lease(id_, token_)) return {};
      server_.now.leases.erase(id_);
      server_.now.cards.erase(id_);
      tell([](News& news) { news.masters = true; });
      return {};
    });
  }

  Result<std::vector<store::MasterCard>> masters() override {
    if (fault_() != Fault::kNone) return std::unexpected(kNoAnswer);
    std::vector<store::MasterCard> live;
    for (const auto& [id, lease] : server_.now.leases) {
      if (lease.until > server_.clock.now()) live.push_back(server_.now.cards[id]);
    }
    return live;
  }

  Status arrived(std::vector<store::Presence>& minions) override {
    return fenced([&] {
      for (store::Presence& minion : minions) {
        minion.generation = ++server_.now.generation;
        server_.now.presence[minion.id] = minion;
      }
      tell([&](News& news) {
        for (const store::Presence& minion : minions) news.presence.push_back(minion.id);
      });
    });
  }

  Status went(const std::vector<store::Presence>& minions) override {
    return fenced([&] {
      for (const store::Presence& minion : minions) {
        const auto held = server_.now.presence.find(minion.id);
        if (held != server_.now.presence.end() && held->second.generation == minion.generation && held->second.master == minion.master)
          held->second = minion;
      }
      tell([&](News& news) {
        for (const store::Presence& minion : minions) news.presence.push_back(minion.id);
      });
    });
  }

  Status running(const std::map<JobId, std::vector<std::uint32_t>>& places) override {
    return fenced([&] { tell([&](News& news) { news.running = places; }); });
  }

 private:
  template <typename Fill>
  void tell(Fill fill) {
    News news;
    fill(news);
    server_.tell(token_, std::move(news));
  }
  template <typename Body>
  Status step(Body body) {
    const Fault fault = fault_();
    if (fault == Fault::kAway) return std::unexpected(kNoAnswer);
    const Status done = body();
    return fault == Fault::kNone ? done : std::unexpected(kNoAnswer);
  }
  template <typename Body>
  Status fenced(Body body) {
    return step([&]() -> Status {
      if (!server_.holds_lease(id_, token_)) return fail(Code::kDenied, "the lease is not held");
      body();
      return {};
    });
  }

  SharedMemory& server_;
  const std::uint64_t token_;
  const std::function<Fault()> fault_;
  std::string id_;
};

Status judge(const store::Batch& batch) {
  for (const store::JobRecord& job : batch.jobs) {
    if (job.jid.empty()) return fail(Code::kInvalid, "a job without jid");
    if (!std::is_sorted(job.expected.begin(), job.expected.end())) return fail(Code::kInvalid, "expected minions are not sorted");
  }
  for (const store::ReturnRecord& value : batch.returns) {
    if (value.jid.empty()) return fail(Code::kInvalid, "a return without jid");
  }
  return {};
}

}  // namespace

// ---- the server ------------------------------------------------------------------------------------------------------------

JobResult SharedMemory::publish(const store::JobRecord& job, JobId& jid) {
  jid = job.jid;
  if (const auto known = submissions.find(job.submission); known != submissions.end()) {
    jid = known->second;
    return JobResult::kRepeated;
  }
  if (jobs.contains(job.jid)) return JobResult::kJidExists;
  jobs[job.jid] = job;
  submissions[job.submission] = job.jid;
  last_jid = std::max(last_jid, job.jid);
  feed[++feed_end] = job.jid;
  return JobResult::kPublished;
}

ReturnResult SharedMemory::add(const store::ReturnRecord& value) {
  const auto job = jobs.find(value.jid);
  if (job == jobs.end()) {
    outbox.push_back({.position = ++outbox_end, .late = true, .value = value});
    return ReturnResult::kLate;
  }
  if (!std::binary_search(job->second.expected.begin(), job->second.expected.end(), value.minion)) return ReturnResult::kUnexpected;
  const auto [kept, added] = returns.try_emplace({value.jid, value.minion}, value);
  if (!added) return same(kept->second, value) ? ReturnResult::kRepeated : ReturnResult::kConflict;
  outbox.push_back({.position = ++outbox_end, .function = job->second.function, .value = value});
  return ReturnResult::kFirst;
}

store::UseResult SharedMemory::use(const store::KeyRecord& key, const std::string& token) {
  if (const auto held = keys.find({key.id, false}); held != keys.end()) {
    if (held->second.version >= key.version) return store::UseResult::kKeyKept;
    const bool accepted = held->second.state == store::KeyState::kAccepted;
    if (accepted && held->second.public_key == key.public_key) return store::UseResult::kRepeated;
    if (held->second.state != store::KeyState::kPending) return store::UseResult::kKeyKept;
  }
  const auto found = tokens.find(token);
  if (found == tokens.end() || found->second.used >= found->second.uses) return store::UseResult::kNoneLeft;
  ++found->second.used;
  return store::UseResult::kCounted;
}

bool SharedMemory::depart(const store::Departure& departure) {
  const auto key = keys.find({departure.id, false});
  const auto presence = now.presence.find(departure.id);
  const std::uint64_t generation = presence == now.presence.end() ? 0 : presence->second.generation;
  if (key == keys.end() || key->second.version != departure.key_version || generation != departure.generation) return false;
  keys.erase(key);
  grains.erase(departure.id);
  journals.erase(departure.id);
  now.presence.erase(departure.id);
  return true;
}

void SharedMemory::tell(std::uint64_t origin, News told) {
  now.news.push_back({origin, std::move(told)});
  ++now.news_end;
}

void SharedMemory::trim_news(std::size_t keep) {
  while (now.news.size() > keep) now.news.pop_front();
}

void SharedMemory::fail_over() {
  now = confirmed;
  ++history;
}

bool SharedMemory::holds_lease(const std::string& master, std::uint64_t token) const {
  const auto lease = now.leases.find(master);
  return lease != now.leases.end() && lease->second.token == token && lease->second.until > clock.now();
}

// ---- one master's way to it ------------------------------------------------------------------------------------------------

SharedMemoryClient::SharedMemoryClient(SharedMemory& server, std::uint64_t token, std::function<Fault()> fault, std::function<void()> late)
    : server_(server), token_(token), fault_(std::move(fault)), late_(std::move(late)) {}

template <typename Read>
auto SharedMemoryClient::answer(Read read) const -> Result<decltype(read())> {
  if (fault_() != Fault::kNone) return std::unexpected(kNoAnswer);
  return read();
}

// In steps, as a server is asked: jobs, returns, what is remembered. Each is atomic.
Result<store::CommitOutcome> SharedMemoryClient::do_commit(const store::Batch& batch) {
  const Fault fault = fault_();
  if (fault == Fault::kAway) return std::unexpected(kNoAnswer);
  BRINE_TRY(judge(batch));
  store::CommitOutcome outcome;
  News news;
  outcome.feed_before = {server_.epoch, server_.feed_end};
  for (const store::JobRecord& job : batch.jobs) {
    JobId jid;
    outcome.jobs.push_back(server_.publish(job, jid));
    outcome.jids.push_back(jid);
    news.feed |= outcome.jobs.back() == JobResult::kPublished;
  }
  outcome.feed_end = {server_.epoch, server_.feed_end};
  for (const store::ReturnRecord& value : batch.returns) {
    outcome.returns.push_back(server_.add(value));
    const auto job = server_.jobs.find(value.jid);
    if (job == server_.jobs.end() || outcome.returns.back() == ReturnResult::kUnexpected) continue;
    const auto& expected = job->second.expected;
    const auto place = std::lower_bound(expected.begin(), expected.end(), value.minion) - expected.begin();
    news.returned[value.jid].push_back(static_cast<std::uint32_t>(place));
  }
  for (const store::EventRecord& event : batch.events) server_.outbox.push_back({.position = ++server_.outbox_end, .event = event});
  if (!news.empty()) server_.tell(token_, std::exchange(news, {}));
  if (fault == Fault::kTorn) return std::unexpected(kNoAnswer);
  for (const store::TokenRecord& token : batch.tokens) server_.tokens.emplace(token.id, token);
  for (const std::string& id : batch.forgotten_tokens) server_.tokens.erase(id);
  news.tokens |= !batch.tokens.empty() || !batch.forgotten_tokens.empty();
  auto use = batch.token_uses.begin();
  for (std::size_t i = 0; i < batch.keys.size(); ++i) {
    const store::KeyRecord& key = batch.keys[i];
    if (use != batch.token_uses.end() && use->key == i) {
      outcome.token_uses.push_back(server_.use(key, (use++)->token));
      if (outcome.token_uses.back() == store::UseResult::kKeyKept || outcome.token_uses.back() == store::UseResult::kNoneLeft) {
        outcome.keys.push_back(false);
        continue;
      }
    }
    store::KeyRecord& kept = server_.keys[{key.id, key.state == store::KeyState::kDenied}];
    outcome.keys.push_back(kept.version < key.version);
    if (outcome.keys.back()) kept = key;
    news.keys.push_back(key.id);
  }
  for (const store::Departure& departure : batch.departures) {
    outcome.departures.push_back(server_.depart(departure));
    news.keys.push_back(departure.id);
  }
  for (const auto& key : batch.forgotten_keys) {
    server_.keys.erase(key);
    news.keys.push_back(key.first);
  }
  for (const store::GrainsRecord& record : batch.grains) {
    server_.grains[record.id] = record;
    news.minions.push_back(record.id);
  }
  for (const store::JournalMark& mark : batch.journals) server_.journals[mark.id] = mark;
  for (const store::MineRecord& entry : batch.mine) {
    server_.mine[{entry.id, entry.name}] = entry;
    news.mine.push_back(entry.id);
  }
  for (const auto& name : batch.forgotten_mine) {
    server_.mine.erase(name);
    news.mine.push_back(name.first);
  }
  for (const MinionId& id : batch.forgotten_minions) {
    server_.grains.erase(id);
    server_.journals.erase(id);
    std::erase_if(server_.mine, [&](const auto& entry) { return entry.first.first == id; });
    news.mine.push_back(id);
    server_.now.presence.erase(id);
    news.minions.push_back(id);
  }
  for (const auto& [name, value] : batch.settings) {
    server_.settings[name] = value;
    if (value.empty()) server_.settings.erase(name);
    news.settings.push_back(name);
  }
  if (!news.empty()) server_.tell(token_, std::move(news));
  for (const auto& [name, position] : batch.returner_positions)
    server_.positions[name] = std::max(server_.positions[name], std::min(position, server_.outbox_end));
  server_.confirmed = server_.now;
  if (fault == Fault::kDeaf) return std::unexpected(kNoAnswer);
  return outcome;
}

Status SharedMemoryClient::reopen() { return fault_() == Fault::kNone ? Status() : std::unexpected(kNoAnswer); }

Result<store::Expired> SharedMemoryClient::expire(const store::Retention& retention) {
  if (fault_() != Fault::kNone) return std::unexpected(kNoAnswer);
  store::Expired expired;
  for (auto job = server_.jobs.begin(); job != server_.jobs.end() && expired.jobs < retention.max_jobs;) {
    if (job->second.forget_at > retention.now) {
      ++job;
      continue;
    }
    std::erase_if(server_.returns, [&](const auto& entry) { return entry.first.first == job->first; });
    std::erase_if(server_.feed, [&](const auto& entry) { return entry.second == job->first; });
    server_.submissions.erase(job->second.submission);
    job = server_.jobs.erase(job);
    ++expired.jobs;
  }
  std::uint64_t passed = server_.outbox_end;
  for (const std::string& returner : retention.returners) passed = std::min(passed, server_.positions[returner]);
  std::uint64_t bytes = 0;
  for (const store::OutboxEntry& entry : server_.outbox) bytes += size_of(entry);
  while (!server_.outbox.empty()) {
    const store::OutboxEntry& oldest = server_.outbox.front();
    const bool due = oldest.position <= passed;
    if (!due && (oldest.is_event() ? oldest.event.at : oldest.value.received) >= retention.outbox_before &&
        (retention.outbox_max_bytes == 0 || bytes <= retention.outbox_max_bytes))
      break;
    if (!due) ++expired.dropped;
    bytes -= size_of(oldest);
    server_.outbox.pop_front();
  }
  return expired;
}

Result<std::vector<store::TokenRecord>> SharedMemoryClient::tokens() const {
  return answer([&] { return values_of(server_.tokens); });
}

Result<std::vector<store::KeyRecord>> SharedMemoryClient::keys() const {
  return answer([&] { return values_of(server_.keys); });
}
Result<std::vector<store::GrainsRecord>> SharedMemoryClient::grains() const {
  return answer([&] { return values_of(server_.grains); });
}
Result<std::vector<store::JournalMark>> SharedMemoryClient::journals() const {
  return answer([&] { return values_of(server_.journals); });
}
Result<std::vector<store::MineRecord>> SharedMemoryClient::mine() const {
  return answer([&] { return values_of(server_.mine); });
}
Result<std::optional<std::string>> SharedMemoryClient::setting(const std::string& name) const {
  return answer([&] { return value_at(server_.settings, name); });
}
Result<JobId> SharedMemoryClient::last_jid() const {
  return answer([&] { return server_.last_jid; });
}
Result<store::FeedPosition> SharedMemoryClient::feed_end() const {
  return answer([&] { return store::FeedPosition{server_.epoch, server_.feed_end}; });
}

Result<std::vector<store::FeedEntry>> SharedMemoryClient::feed_after(store::FeedPosition after, std::size_t max) const {
  return answer([&] {
    std::vector<store::FeedEntry> page;
    const std::uint64_t from = after.epoch == server_.epoch ? after.counter : 0;
    for (auto entry = server_.feed.upper_bound(from); entry != server_.feed.end() && page.size() < max; ++entry)
      page.push_back({{server_.epoch, entry->first}, entry->second});
    return page;
  });
}

Result<std::optional<store::JobRecord>> SharedMemoryClient::job(const JobId& jid) const {
  return answer([&] { return value_at(server_.jobs, jid); });
}
Result<std::optional<JobId>> SharedMemoryClient::job_of(const SubmissionId& submission) const {
  return answer([&] { return value_at(server_.submissions, submission); });
}

Result<std::vector<store::ReturnRecord>> SharedMemoryClient::returns_of(const JobId& jid, const MinionId& after, std::size_t max) const {
  return answer([&] {
    std::vector<store::ReturnRecord> page;
    for (auto entry = server_.returns.upper_bound({jid, after});
         entry != server_.returns.end() && entry->first.first == jid && page.size() < max; ++entry)
      page.push_back(entry->second);
    return page;
  });
}

Result<std::vector<MinionId>> SharedMemoryClient::returned_minions(const JobId& jid) const {
  return answer([&] {
    std::vector<MinionId> all;
    for (auto entry = server_.returns.lower_bound({jid, MinionId()}); entry != server_.returns.end() && entry->first.first == jid; ++entry)
      all.push_back(entry->first.second);
    return all;
  });
}

Result<std::vector<JobId>> SharedMemoryClient::open_jobs(UnixMicros now) const {
  return answer([&] {
    std::vector<JobId> open;
    for (const auto& [jid, job] : server_.jobs) {
      if (job.not_after >= now) open.push_back(jid);
    }
    return open;
  });
}

Result<store::JobPage> SharedMemoryClient::list_jobs(const store::JobQuery& query) const {
  return answer([&] { return store::find_jobs(query, server_.jobs, server_.returns); });
}

Result<std::vector<store::OutboxEntry>> SharedMemoryClient::outbox_after(std::uint64_t position, std::size_t max) const {
  return answer([&] {
    std::vector<store::OutboxEntry> page;
    std::size_t bytes = 0;
    for (const store::OutboxEntry& entry : server_.outbox) {
      if (entry.position <= position) continue;
      if (page.size() == max || bytes >= store::kOutboxPageBytes) break;
      bytes += size_of(entry);
      page.push_back(entry);
    }
    return page;
  });
}

Result<std::uint64_t> SharedMemoryClient::returner_position(const std::string& returner) const {
  return answer([&] { return value_at(server_.positions, returner).value_or(0); });
}

Result<store::OutboxUsage> SharedMemoryClient::outbox_usage() const {
  return answer([&] {
    store::OutboxUsage usage{server_.outbox.size(), 0, server_.outbox_end};
    for (const store::OutboxEntry& entry : server_.outbox) usage.bytes += size_of(entry);
    return usage;
  });
}

Result<std::unique_ptr<store::NewsReader>> SharedMemoryClient::news() {
  return answer([&]() -> std::unique_ptr<store::NewsReader> { return std::make_unique<Reader>(server_, token_, fault_); });
}
Result<std::unique_ptr<store::Membership>> SharedMemoryClient::membership() {
  return answer([&]() -> std::unique_ptr<store::Membership> { return std::make_unique<Member>(server_, token_, fault_); });
}

Result<std::vector<store::KeyRecord>> SharedMemoryClient::keys_of(const std::vector<MinionId>& ids) const {
  return answer([&] {
    std::vector<store::KeyRecord> all;
    for (const MinionId& id : ids) {
      for (const bool denied : {false, true}) {
        if (const auto key = value_at(server_.keys, {id, denied})) all.push_back(*key);
      }
    }
    return all;
  });
}
Result<std::vector<store::GrainsRecord>> SharedMemoryClient::grains_of(const std::vector<MinionId>& ids) const {
  return answer([&] { return values_of(server_.grains, ids); });
}
Result<std::vector<store::JournalMark>> SharedMemoryClient::journals_of(const std::vector<MinionId>& ids) const {
  return answer([&] { return values_of(server_.journals, ids); });
}
Result<std::vector<store::MineRecord>> SharedMemoryClient::mine_of(const std::vector<MinionId>& ids) const {
  return answer([&] {
    std::vector<store::MineRecord> all;
    for (const auto& [name, entry] : server_.mine) {
      if (std::find(ids.begin(), ids.end(), entry.id) != ids.end()) all.push_back(entry);
    }
    return all;
  });
}
Result<std::vector<store::Presence>> SharedMemoryClient::presence() const {
  return answer([&] { return values_of(server_.now.presence); });
}
Result<std::vector<store::Presence>> SharedMemoryClient::presence_of(const std::vector<MinionId>& ids) const {
  return answer([&] { return values_of(server_.now.presence, ids); });
}

Result<std::vector<store::ReturnRecord>> SharedMemoryClient::returns_at(const JobId& jid, const std::vector<MinionId>& expected,
                                                                        const std::vector<std::uint32_t>& places) const {
  return answer([&] {
    std::vector<store::ReturnRecord> all;
    for (const std::uint32_t place : places) {
      if (const auto value = value_at(server_.returns, {jid, expected.at(place)})) all.push_back(*value);
    }
    return all;
  });
}

Result<bool> SharedMemoryClient::succeeds(std::uint64_t epoch) const {
  return answer([&] { return server_.predecessors.contains(epoch); });
}
Status SharedMemoryClient::succeed(std::uint64_t epoch) {
  if (fault_() != Fault::kNone) return std::unexpected(kNoAnswer);
  server_.predecessors.insert(epoch);
  return {};
}
Result<std::uint32_t> SharedMemoryClient::reserve_indexes(std::uint32_t count) {
  return answer([&] { return std::exchange(server_.next_index, server_.next_index + count); });
}
Result<std::string> SharedMemoryClient::claim_setting(const std::string& name, const std::string& value) {
  return answer([&] { return server_.settings.try_emplace(name, value).first->second; });
}
Result<UnixMicros> SharedMemoryClient::time() const {
  return answer([&] { return server_.clock.unix_now(); });
}

}  // namespace brine::simulation
