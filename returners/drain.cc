#include "returners/drain.h"

#include <algorithm>

#include "base/crash_point.h"
#include "base/log.h"
#include "base/thread.h"

namespace brine::returners {

Drain::Drain(std::unique_ptr<Returner> returner, store::StateStore& store, const Clock& clock, DrainOptions options)
    : returner_(std::move(returner)),
      store_(store),
      clock_(clock),
      options_(std::move(options)),
      dead_letters_(options_.dead_letters, options_.name) {}

Drain::~Drain() { stop(clock_.now()); }

Status Drain::start() {
  BRINE_LET(position_, store_.returner_position(name()));
  counters_.position = position_;
  thread_ = start_thread("ret-" + name(), [this](const std::stop_token& stop) { run(stop); });
  return {};
}

void Drain::wake() {
  {
    std::lock_guard lock(mutex_);
    woken_ = true;
  }
  ready_.notify_all();
}

void Drain::begin_stop() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  ready_.notify_all();
}

void Drain::stop(MonoTime deadline) {
  if (!thread_.joinable()) return;
  begin_stop();
  {
    std::unique_lock lock(mutex_);
    ready_.wait_for(lock, deadline - clock_.now(), [this] { return ended_; });
  }
  thread_.request_stop();
  thread_.join();
}

std::string Drain::trouble() const {
  std::lock_guard lock(mutex_);
  return trouble_;
}

void Drain::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const Step step = this->step(stop);
    if (step != Step::kMore && ending()) break;
    if (step == Step::kNothing) wait_for_work(stop);
    if (step == Step::kFailed && !back_off(stop)) break;
  }
  {
    std::lock_guard lock(mutex_);
    ended_ = true;
  }
  ready_.notify_all();
}

bool Drain::ending() const {
  std::lock_guard lock(mutex_);
  return ending_;
}

Drain::Step Drain::step(const std::stop_token& stop) {
  const bool ours = delivers();
  if (clock_.now() >= next_look_) {
    next_look_ = clock_.now() + options_.look_every;
    follow_store();
  }
  if (!ours) return Step::kNothing;
  const Step live = deliver_next(stop);
  if (live == Step::kFailed || replay_.empty()) return live;
  return replay_next(stop);
}

bool Drain::delivers() {
  const bool ours = !options_.ours || options_.ours();
  if (ours && !counters_.delivers.exchange(true)) next_look_ = {};
  counters_.delivers = ours;
  return ours;
}

// What another master has delivered meanwhile, or an operator has put aside, and what an operator wants again. A store that was exchanged,
// or whose successor had not got all of it, gives positions again.
void Drain::follow_store() {
  const auto stored = store_.returner_position(name());
  const auto usage = store_.outbox_usage();
  const auto order = store_.setting(replay_setting(name()));
  if (!stored || !usage || !order) return;
  if (*stored > position_) advance(*stored);
  if (usage->end < position_) {
    if (counters_.delivers)
      log::warning("returner {}: the outbox ends at {}, before what was delivered: going on from there", name(), usage->end);
    advance(usage->end);
  }
  if (replay_.empty() && *order && replay_id(**order) != last_replay_) replay_ = **order;
}

// ---- what is new -------------------------------------------------------------------------------------------------------------

Drain::Step Drain::deliver_next(const std::stop_token& stop) {
  auto entries = store_.outbox_after(position_, options_.batch);
  if (!entries) return Step::kNothing;  // the ledger tells of the store's trouble
  if (entries->empty()) {
    counters_.oldest = 0;
    return Step::kNothing;
  }
  const std::uint64_t end = entries->back().position;
  counters_.oldest = entries->front().is_event() ? entries->front().event.at : entries->front().value.received;
  const std::vector<Record> records = records_of(std::move(*entries));
  const auto settled = hand_over(records, stop);
  if (!settled) return failed(settled.error());
  const bool all = *settled == records.size();
  if (all || *settled > 0) {
    BRINE_CRASH_POINT("master.after_returner");
    advance(all ? end : records[*settled - 1].entry.position);
    options_.keep_position(name(), position_);
  }
  return all ? Step::kMore : Step::kFailed;
}

std::vector<Record> Drain::records_of(std::vector<store::OutboxEntry> entries) {
  std::vector<Record> records;
  records.reserve(entries.size());
  for (store::OutboxEntry& entry : entries) {
    if (entry.is_event() ? !options_.events : !options_.filter.takes(entry)) {
      counters_.passed_over.fetch_add(1, std::memory_order_relaxed);
      continue;
    }
    std::string json = to_json(entry, options_.master);
    records.push_back({std::move(entry), std::move(json), options_.master});
  }
  return records;
}

// How many are settled, from the first on. The refused ones are in the file of dead letters.
Result<std::size_t> Drain::hand_over(std::span<const Record> records, const std::stop_token& stop) {
  if (records.empty()) return std::size_t{0};
  const MonoTime begin = clock_.now();
  const Delivery delivery = returner_->deliver(records, stop);
  counters_.delivery_time.observe(std::chrono::duration_cast<microseconds>(clock_.now() - begin));
  BRINE_TRY(dead_letters_.write(records, delivery.refused, clock_.unix_now()));
  if (!delivery.refused.empty()) {
    counters_.refused.fetch_add(delivery.refused.size(), std::memory_order_relaxed);
    log::error("returner {}: {} refused for good, the first because: {}; they are in {}", name(), delivery.refused.size(),
               delivery.refused.front().why, options_.dead_letters);
  }
  counters_.delivered.fetch_add(delivery.settled - delivery.refused.size(), std::memory_order_relaxed);
  if (delivery.settled == records.size()) {
    went_well();
  } else if (delivery.settled == 0) {
    return std::unexpected(delivery.status.error());
  } else {
    failed(delivery.status.error());
  }
  return delivery.settled;
}

Drain::Step Drain::failed(const Error& error) {
  counters_.failures.fetch_add(1, std::memory_order_relaxed);
  if (failures_in_a_row_++ == 0) log::error("returner {}: {}; it is retried", name(), error.message);
  std::lock_guard lock(mutex_);
  trouble_ = error.message;
  return Step::kFailed;
}

void Drain::went_well() {
  if (std::exchange(failures_in_a_row_, 0) == 0) return;
  log::warning("returner {} is back", name());
  std::lock_guard lock(mutex_);
  trouble_.clear();
}

void Drain::advance(std::uint64_t position) {
  position_ = position;
  counters_.position = position;
}

// ---- what was, once more -----------------------------------------------------------------------------------------------------

Drain::Step Drain::replay_next(const std::stop_token& stop) {
  auto page = replay_page(store_, replay_, options_.batch);
  if (!page && page.error().code == Code::kUnavailable) return Step::kNothing;
  if (!page) {
    log::error("returner {}: {}", name(), page.error().message);
    page = ReplayPage{};
  }
  const std::vector<Record> records = records_of(std::move(page->entries));
  const auto settled = hand_over(records, stop);
  if (!settled) return failed(settled.error());
  if (*settled < records.size()) return Step::kFailed;
  counters_.replayed.fetch_add(records.size(), std::memory_order_relaxed);
  last_replay_ = replay_id(replay_);
  replay_ = page->rest;
  options_.keep_setting(replay_setting(name()), replay_);
  if (replay_.empty()) log::warning("returner {}: the replay has come to its end", name());
  return Step::kMore;
}

// ---- waiting -----------------------------------------------------------------------------------------------------------------

void Drain::wait_for_work(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  ready_.wait_for(lock, stop, options_.look_every, [this] { return woken_ || ending_; });
  woken_ = false;
}

// New entries do not cut it short: a backend that is away is not asked more often because there is more for it. What an operator puts aside
// does. False: there is no next time.
bool Drain::back_off(const std::stop_token& stop) {
  const auto ceiling =
      std::min<std::int64_t>(options_.retry_most.count(), options_.retry_least.count() << std::min(failures_in_a_row_ - 1, 12));
  const MonoTime until = clock_.now() + milliseconds(std::uniform_int_distribution<std::int64_t>(0, ceiling)(random_));
  const std::uint64_t before = position_;
  while (clock_.now() < until && position_ == before && !stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      const auto rest = std::min<MonoTime::duration>(options_.look_every, until - clock_.now());
      if (ready_.wait_for(lock, stop, rest, [this] { return ending_; })) return false;
    }
    follow_store();
  }
  return true;
}

}  // namespace brine::returners
