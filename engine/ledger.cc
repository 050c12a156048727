#include "engine/ledger.h"

#include <algorithm>
#include <iterator>

#include "base/crash_point.h"
#include "base/log.h"
#include "base/thread.h"

namespace brine::engine {
namespace {

constexpr milliseconds kIdleWait{200};
constexpr std::size_t kFeedPage = 1024;
constexpr std::size_t kExpirePage = 200;
constexpr std::size_t kMaxWaitingEvents = 10'000;

}  // namespace

Ledger::Ledger(store::StateStore& store, const Clock& clock, LedgerOptions options, Listener listener)
    : store_(store), clock_(clock), options_(std::move(options)), listener_(std::move(listener)), queue_(options_.queue) {}

Ledger::~Ledger() { stop(); }

void Ledger::start(store::FeedPosition feed_from, Drive drive) {
  go_to(feed_from);
  look_at_feed();
  if (drive == Drive::kByHand) return;
  thread_ = start_thread("ledger", [this](std::stop_token) {
    while (turn(kIdleWait)) {
    }
  });
}

void Ledger::stop() {
  queue_.close();
  if (thread_.joinable()) thread_.join();
}

bool Ledger::add_returns(std::vector<PendingReturn>&& returns) {
  const std::size_t count = returns.size();
  const std::size_t before = queued_returns_.fetch_add(count);
  if (before > 0 && before + count > options_.queue) {
    queued_returns_.fetch_sub(count);
    return false;
  }
  Entry entry(std::move(returns));
  if (queue_.try_push(std::move(entry))) return true;
  returns = std::move(std::get<std::vector<PendingReturn>>(entry));
  queued_returns_.fetch_sub(count);
  return false;
}

bool Ledger::publish(std::shared_ptr<const store::JobRecord> job, std::function<void(Result<PublishedJob>)> done) {
  return queue_.try_push(Publish{std::move(job), std::move(done)});
}

bool Ledger::change_keys(KeyChange change) { return queue_.try_push(std::move(change)); }

bool Ledger::change_tokens(TokenChange change) { return queue_.try_push(std::move(change)); }
bool Ledger::write_mine(MineWrite write) { return queue_.try_push(std::move(write)); }

bool Ledger::keep_grains(store::GrainsRecord grains) { return queue_.try_push(std::move(grains)); }
bool Ledger::keep_journals(std::vector<store::JournalMark> marks) { return queue_.try_push(std::move(marks)); }
bool Ledger::keep_event(store::EventRecord event) { return queue_.try_push(std::move(event)); }
bool Ledger::keep_setting(std::string name, std::string value) { return queue_.try_push(Setting{std::move(name), std::move(value)}); }
bool Ledger::returner_at(std::string returner, std::uint64_t position) {
  return queue_.try_push(ReturnerAt{std::move(returner), position});
}

void Ledger::adopt(std::function<void(Status)> done) {
  Entry entry(Adopt{std::move(done)});
  if (!queue_.try_push(std::move(entry))) std::get<Adopt>(entry).done(fail(Code::kBusy, "the ledger's queue is full; try again"));
}

// What waits for the store goes into it as it would into the one before.
void Ledger::adopt_if_asked(std::vector<Entry>& entries) {
  for (Entry& entry : entries) {
    const auto* asked = std::get_if<Adopt>(&entry);
    if (asked == nullptr) continue;
    const Status adopted = store_.adopt();
    set_trouble(adopted ? nullptr : &adopted.error());
    asked->done(adopted);
    if (auto waiting = take_waiting(); available_ && !waiting.empty()) commit(std::move(waiting));
  }
  std::erase_if(entries, [](const Entry& entry) { return std::holds_alternative<Adopt>(entry); });
}

void Ledger::look_at_feed() {
  feed_grew_ = true;
  queue_.try_push(Wake{});  // a full queue needs no waking
}

std::string Ledger::trouble() const {
  std::lock_guard lock(trouble_mutex_);
  return trouble_;
}

void Ledger::set_trouble(const Error* error) {
  {
    std::lock_guard lock(trouble_mutex_);
    trouble_ = error == nullptr ? std::string() : error->message;
  }
  if (error != nullptr && available_) {
    counters_.store_failures.fetch_add(1, std::memory_order_relaxed);
    log::error("the store is away: {}; returns wait, new jobs are refused", error->message);
  }
  if (error == nullptr && !available_) log::warning("the store is back");
  available_ = error == nullptr;
}

bool Ledger::turn(milliseconds wait) {
  counters_.turns.fetch_add(1, std::memory_order_relaxed);
  std::vector<Entry> entries = queue_.pop_batch(options_.batch, wait);
  adopt_if_asked(entries);
  if (!available_ && !bring_back()) {
    refuse(entries, Error{Code::kUnavailable, "the store is away: " + trouble()});
  } else {
    std::erase_if(entries, [](const Entry& entry) { return std::holds_alternative<Wake>(entry); });
    if (!entries.empty()) commit(std::move(entries));
    if (feed_grew_.exchange(false)) read_feed();
    expire_if_due();
  }
  return !queue_.closed() || queue_.size() > 0;
}

bool Ledger::bring_back() {
  if (clock_.now() < next_reopen_) return false;
  next_reopen_ = clock_.now() + options_.reopen_pause;
  if (auto opened = store_.reopen(); !opened) {
    set_trouble(&opened.error());
    return false;
  }
  set_trouble(nullptr);
  read_feed();
  if (auto waiting = take_waiting(); !waiting.empty()) commit(std::move(waiting));
  return available_;
}

std::vector<Ledger::Entry> Ledger::take_waiting() {
  std::vector<Entry> waiting = std::exchange(waiting_, {});
  waiting_events_ = 0;
  for (auto& [id, grains] : std::exchange(waiting_grains_, {})) waiting.emplace_back(std::move(grains));
  std::vector<store::JournalMark> marks;
  for (auto& [id, mark] : std::exchange(waiting_journals_, {})) marks.push_back(std::move(mark));
  if (!marks.empty()) waiting.emplace_back(std::move(marks));
  for (auto& [name, value] : std::exchange(waiting_settings_, {})) waiting.emplace_back(Setting{name, std::move(value)});
  for (const auto& [name, position] : std::exchange(waiting_positions_, {})) waiting.emplace_back(ReturnerAt{name, position});
  return waiting;
}

store::Batch Ledger::batch_of(const std::vector<Entry>& entries) const {
  store::Batch batch;
  for (const Entry& entry : entries) {
    if (const auto* returns = std::get_if<std::vector<PendingReturn>>(&entry)) {
      for (const PendingReturn& value : *returns) batch.returns.push_back(value.record);
    } else if (const auto* publish = std::get_if<Publish>(&entry)) {
      batch.jobs.push_back(*publish->job);
    } else if (const auto* change = std::get_if<KeyChange>(&entry)) {
      if (!change->token.empty()) batch.token_uses.push_back({batch.keys.size(), change->token});
      if (change->departure) batch.departures.push_back(*change->departure);
      batch.keys.insert(batch.keys.end(), change->records.begin(), change->records.end());
      batch.forgotten_keys.insert(batch.forgotten_keys.end(), change->forgotten.begin(), change->forgotten.end());
      for (const auto& [id, denied] : change->forgotten) {
        if (!denied) batch.forgotten_minions.push_back(id);
      }
      if (change->last_index > 0) batch.settings[std::string(kLastIndexSetting)] = std::to_string(change->last_index);
    } else if (const auto* tokens = std::get_if<TokenChange>(&entry)) {
      batch.tokens.insert(batch.tokens.end(), tokens->records.begin(), tokens->records.end());
      batch.forgotten_tokens.insert(batch.forgotten_tokens.end(), tokens->forgotten.begin(), tokens->forgotten.end());
    } else if (const auto* mine = std::get_if<MineWrite>(&entry)) {
      batch.mine.insert(batch.mine.end(), mine->records.begin(), mine->records.end());
      batch.forgotten_mine.insert(batch.forgotten_mine.end(), mine->forgotten.begin(), mine->forgotten.end());
    } else if (const auto* grains = std::get_if<store::GrainsRecord>(&entry)) {
      batch.grains.push_back(*grains);
    } else if (const auto* marks = std::get_if<std::vector<store::JournalMark>>(&entry)) {
      batch.journals.insert(batch.journals.end(), marks->begin(), marks->end());
    } else if (const auto* event = std::get_if<store::EventRecord>(&entry)) {
      batch.events.push_back(*event);
    } else if (const auto* setting = std::get_if<Setting>(&entry)) {
      batch.settings[setting->name] = setting->value;
    } else if (const auto* at = std::get_if<ReturnerAt>(&entry)) {
      batch.returner_positions[at->returner] = at->position;
    }
  }
  return batch;
}

void Ledger::commit(std::vector<Entry> entries) {
  const store::Batch batch = batch_of(entries);
  if (!batch.jobs.empty()) BRINE_CRASH_POINT("master.before_job_commit");
  if (!batch.returns.empty()) BRINE_CRASH_POINT("master.before_return_commit");
  if (!batch.token_uses.empty()) BRINE_CRASH_POINT("master.before_join_commit");
  const MonoTime start = clock_.now();
  auto outcome = store_.commit(batch);
  if (!outcome && outcome.error().code == Code::kInvalid) return commit_one_by_one(std::move(entries), outcome.error());
  if (!outcome) {
    set_trouble(&outcome.error());
    refuse(entries, Error{Code::kUnavailable, "the store is away: " + outcome.error().message});
    return;
  }
  if (!batch.jobs.empty()) BRINE_CRASH_POINT("master.after_job_commit");
  if (!batch.returns.empty()) BRINE_CRASH_POINT("master.after_return_commit");
  if (!batch.token_uses.empty()) BRINE_CRASH_POINT("master.after_join_commit");
  counters_.commits.fetch_add(1, std::memory_order_relaxed);
  counters_.commit_time.observe(std::chrono::duration_cast<microseconds>(clock_.now() - start));
  settle(entries, *outcome);
  if (!batch.jobs.empty()) follow_feed(*outcome);
  if (!batch.returns.empty() || !batch.events.empty()) listener_.outbox_grew();
}

struct Ledger::KeyOutcomes {
  std::size_t keys = 0;
  std::size_t uses = 0;
  std::size_t departures = 0;
};

Status Ledger::take(const KeyChange& change, const store::CommitOutcome& outcome, KeyOutcomes& told) {
  const auto begin = outcome.keys.begin() + static_cast<std::ptrdiff_t>(told.keys);
  const auto end = begin + static_cast<std::ptrdiff_t>(change.records.size());
  told.keys += change.records.size();
  if (change.departure && !outcome.departures[told.departures++])
    return fail(Code::kBusy, "the minion has come back, or its key has changed");
  if (!change.token.empty() && outcome.token_uses[told.uses++] == store::UseResult::kNoneLeft)
    return fail(Code::kDenied, "no use of this join token is left");
  if (std::find(begin, end, false) == end) return {};
  return fail(Code::kBusy, "another master has changed this key in the same moment: look again");
}

void Ledger::settle(std::vector<Entry>& entries, const store::CommitOutcome& outcome) {
  std::vector<CommittedReturn> committed;
  committed.reserve(outcome.returns.size());
  std::size_t job = 0;
  std::size_t returned = 0;
  KeyOutcomes told;
  for (Entry& entry : entries) {
    if (auto* returns = std::get_if<std::vector<PendingReturn>>(&entry)) {
      for (PendingReturn& value : *returns) {
        count(outcome.returns[returned]);
        committed.push_back({value.session, outcome.returns[returned++], std::move(value.record)});
      }
      queued_returns_.fetch_sub(returns->size());
    } else if (auto* publish = std::get_if<Publish>(&entry)) {
      publish->done(PublishedJob{outcome.jobs[job], outcome.jids[job]});
      ++job;
    } else if (auto* mine = std::get_if<MineWrite>(&entry)) {
      mine->done({});
    } else if (auto* change = std::get_if<KeyChange>(&entry)) {
      change->done(take(*change, outcome, told));
    } else if (const auto* tokens = std::get_if<TokenChange>(&entry)) {
      tokens->done({});
    }
  }
  if (!committed.empty()) listener_.returned(std::move(committed));
}

// Jobs and key changes are answered with the error; what may be written twice without harm waits for the store.
void Ledger::refuse(std::vector<Entry>& entries, const Error& error) {
  for (Entry& entry : entries) {
    if (auto* publish = std::get_if<Publish>(&entry)) {
      publish->done(std::unexpected(error));
    } else if (auto* change = std::get_if<KeyChange>(&entry)) {
      change->done(std::unexpected(error));
    } else if (const auto* tokens = std::get_if<TokenChange>(&entry)) {
      tokens->done(std::unexpected(error));
    } else if (auto* mine = std::get_if<MineWrite>(&entry)) {
      mine->done(std::unexpected(error));
    } else {
      keep_for_later(std::move(entry));
    }
  }
}

void Ledger::keep_for_later(Entry&& entry) {
  if (auto* grains = std::get_if<store::GrainsRecord>(&entry)) {
    waiting_grains_[grains->id] = std::move(*grains);
  } else if (auto* marks = std::get_if<std::vector<store::JournalMark>>(&entry)) {
    for (store::JournalMark& mark : *marks) waiting_journals_[mark.id] = std::move(mark);
  } else if (auto* setting = std::get_if<Setting>(&entry)) {
    waiting_settings_[setting->name] = std::move(setting->value);
  } else if (const auto* at = std::get_if<ReturnerAt>(&entry)) {
    waiting_positions_[at->returner] = at->position;
  } else if (std::holds_alternative<store::EventRecord>(entry) && ++waiting_events_ > kMaxWaitingEvents) {
    counters_.events_dropped.fetch_add(1, std::memory_order_relaxed);
  } else if (!std::holds_alternative<Wake>(entry)) {
    waiting_.push_back(std::move(entry));
  }
}

void Ledger::commit_one_by_one(std::vector<Entry> entries, const Error& error) {
  if (entries.size() == 1) {
    auto* returns = std::get_if<std::vector<PendingReturn>>(&entries.front());
    if (returns == nullptr || returns->size() == 1) return give_up(entries.front(), error);
    std::vector<Entry> alone;
    for (PendingReturn& value : *returns) alone.emplace_back(std::vector<PendingReturn>{std::move(value)});
    entries = std::move(alone);
  }
  for (Entry& entry : entries) {
    std::vector<Entry> one;
    one.push_back(std::move(entry));
    available_ ? commit(std::move(one)) : refuse(one, Error{Code::kUnavailable, "the store is away: " + trouble()});
  }
}

// A return that the store calls malformed stays in the minion's journal: it is not acknowledged.
void Ledger::give_up(Entry& entry, const Error& error) {
  log::error("the store refuses what it was given: {}", error.message);
  if (auto* publish = std::get_if<Publish>(&entry)) publish->done(std::unexpected(error));
  if (auto* change = std::get_if<KeyChange>(&entry)) change->done(std::unexpected(error));
  if (const auto* tokens = std::get_if<TokenChange>(&entry)) tokens->done(std::unexpected(error));
  if (auto* mine = std::get_if<MineWrite>(&entry)) mine->done(std::unexpected(error));
  if (const auto* returns = std::get_if<std::vector<PendingReturn>>(&entry)) queued_returns_.fetch_sub(returns->size());
}

void Ledger::count(store::ReturnResult result) {
  switch (result) {
    case store::ReturnResult::kFirst: counters_.returns.fetch_add(1, std::memory_order_relaxed); break;
    case store::ReturnResult::kRepeated: counters_.repeated.fetch_add(1, std::memory_order_relaxed); break;
    case store::ReturnResult::kConflict: counters_.conflicts.fetch_add(1, std::memory_order_relaxed); break;
    case store::ReturnResult::kLate: counters_.late.fetch_add(1, std::memory_order_relaxed); break;
    case store::ReturnResult::kUnexpected: counters_.unexpected.fetch_add(1, std::memory_order_relaxed); break;
  }
}

void Ledger::go_to(store::FeedPosition position) {
  feed_position_ = position;
  feed_epoch_ = position.epoch;
  feed_read_ = position.counter;
}

// What only this ledger has written is known to those who gave it.
void Ledger::follow_feed(const store::CommitOutcome& outcome) {
  if (outcome.feed_before != feed_position_) return read_feed();
  go_to(outcome.feed_end);
}

void Ledger::read_feed() {
  // A server that took over may not have got the end of it: its positions will be given again.
  // An exchanged store begins anew.
  if (const auto end = store_.feed_end(); end && (end->epoch != feed_position_.epoch || *end < feed_position_))
    go_to(end->epoch == feed_position_.epoch ? *end : store::FeedPosition{end->epoch, 0});
  while (true) {
    auto entries = store_.feed_after(feed_position_, kFeedPage);
    if (!entries) {
      set_trouble(&entries.error());
      return;
    }
    if (entries->empty()) return;
    go_to(entries->back().position);
    const bool more = entries->size() == kFeedPage;
    listener_.fed(std::move(*entries));
    if (!more) return;
  }
}

void Ledger::expire_if_due() {
  if (clock_.now() < next_expire_) return;
  const UnixMicros now = clock_.unix_now();
  auto expired = store_.expire({.now = now,
                                .max_jobs = kExpirePage,
                                .returners = options_.returners,
                                .outbox_before = now - options_.outbox_keep.count() * 1'000'000,
                                .outbox_max_bytes = options_.outbox_max_bytes});
  if (!expired) {
    set_trouble(&expired.error());
    return;
  }
  if (expired->dropped > 0) {
    counters_.outbox_dropped.fetch_add(expired->dropped, std::memory_order_relaxed);
    log::error("{} returns left the outbox before every returner had them: outbox.keep_seconds or outbox.max_bytes was reached",
               expired->dropped);
    listener_.outbox_dropped(expired->dropped);
  }
  next_expire_ = clock_.now() + (expired->jobs == kExpirePage ? milliseconds(0) : options_.expire_every);
}

}  // namespace brine::engine
