#include "loadtest/swarm_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/log.h"
#include "base/thread.h"

namespace brine::loadtest {
namespace {

using Kind = SwarmCommand::Kind;

constexpr std::uint64_t kWake = UINT64_MAX;
constexpr int kEventsPerTurn = 512;
constexpr std::size_t kJoinsPerTurn = 32;
constexpr milliseconds kSweepEvery{1'000};
constexpr std::chrono::hours kForever{24 * 365};

// What ends a behaviour finds those that show it.
bool is_for_all(const SwarmCommand& command) {
  return command.kind == Kind::kDropAll || (command.kind == Kind::kFlap && command.time == milliseconds(0)) ||
         (command.kind == Kind::kSlowReader && command.bytes_per_second == 0);
}

}  // namespace

SwarmLoop::SwarmLoop(const SwarmConfig& config, const GrainsTemplate& grains, unsigned index, std::uint64_t seed)
    : config_(config),
      index_(index),
      answers_(config.answer, seed + index),
      around_{config, clock_, grains, links_, answers_, log_, counters_, agent_counters_, mine_counters_, started_, frames_},
      random_(seed * 31 + index),
      next_join_(clock_.now()),
      next_sweep_(clock_.now()) {}

SwarmLoop::~SwarmLoop() {
  if (thread_.joinable()) post({});
}

Status SwarmLoop::start() {
  BRINE_TRY(log_.open(config_.folder));
  BRINE_LET(links_.destinations, resolve(config_.masters));
  if (config_.source_ips && !all_loopback(links_.destinations))
    return fail(Code::kInvalid, "'source_ips' is for masters at 127.0.0.0/8 only");
  epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
  wake_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!epoll_.valid() || !wake_.valid()) return fail_errno("cannot make an epoll set", errno);
  epoll_event event{.events = EPOLLIN, .data = {.u64 = kWake}};
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event);
  links_.epoll = epoll_.get();
  links_.source_ips = config_.source_ips;
  links_.stream.heartbeat = config_.heartbeat;
  links_.stream.heartbeat_timeout = config_.heartbeat_timeout;
  thread_ = start_thread("swarm-" + std::to_string(index_), [this](const std::stop_token&) { run(); });
  return {};
}

void SwarmLoop::post(LoopOrder order) {
  {
    std::lock_guard lock(mutex_);
    orders_.push_back(std::move(order));
  }
  ::eventfd_write(wake_.get(), 1);
}

void SwarmLoop::run() {
  while (!stopping_ || counters_.minions.value() > 0) turn();
  if (auto flushed = log_.flush(); !flushed) log::error("{}", flushed.error().message);
  stopped_ = true;
}

void SwarmLoop::turn() {
  std::array<epoll_event, kEventsPerTurn> events;
  const auto longest = std::clamp(std::chrono::ceil<milliseconds>(next_event() - clock_.now()), milliseconds(0), kSweepEvery);
  const int ready = ::epoll_wait(epoll_.get(), events.data(), kEventsPerTurn, static_cast<int>(longest.count()));
  const MonoTime begin = clock_.now();
  for (int i = 0; i < ready; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    if (event.data.u64 == kWake) continue;
    const auto slot = static_cast<std::uint32_t>(event.data.u64);
    if (!minions_[slot]) continue;
    minions_[slot]->on_ready(event.events);
    touch(slot);
  }
  take_orders();
  admit_due();
  fire_timers();
  run_due();
  serve_touched();
  sweep();
  counters_.longest_turn_us.at_least(std::chrono::duration_cast<microseconds>(clock_.now() - begin).count());
}

MonoTime SwarmLoop::next_event() const {
  MonoTime next = next_sweep_;
  if (!timers_.empty()) next = std::min(next, timers_.top().first);
  if (!executions_.empty()) next = std::min(next, executions_.top().due);
  if (!waiting_.empty()) next = std::min(next, next_join_);
  return next;
}

// ---- minions ---------------------------------------------------------------------------------------------------------------

void SwarmLoop::touch(std::uint32_t slot) {
  if (is_touched_[slot]) return;
  is_touched_[slot] = true;
  touched_.push_back(slot);
}

void SwarmLoop::serve_touched() {
  for (const std::uint32_t slot : touched_) {
    is_touched_[slot] = false;
    serve(slot);
  }
  touched_.clear();
  for (Execution& execution : started_) {
    execution.order = next_order_++;
    executions_.push(std::move(execution));
  }
  started_.clear();
}

void SwarmLoop::serve(std::uint32_t slot) {
  if (!minions_[slot]) return;
  const MonoTime next = minions_[slot]->turn();
  if (minions_[slot]->has_left()) {
    minions_[slot].reset();
    counters_.minions.add(-1);
    return;
  }
  if (next >= armed_[slot]) return;  // the timer that is armed fires first, and finds out
  armed_[slot] = next;
  timers_.emplace(next, slot);
}

void SwarmLoop::fire_timers() {
  const MonoTime now = clock_.now();
  while (!timers_.empty() && timers_.top().first <= now) {
    const auto [time, slot] = timers_.top();
    timers_.pop();
    if (time != armed_[slot]) continue;
    armed_[slot] = MonoTime::max();
    touch(slot);
  }
}

void SwarmLoop::run_due() {
  const MonoTime now = clock_.now();
  while (!executions_.empty() && executions_.top().due <= now) {
    // The queue shows its top as constant, so that nobody disturbs its order; it is popped before anything else happens.
    Execution execution = std::move(const_cast<Execution&>(executions_.top()));
    executions_.pop();
    if (!minions_[execution.slot]) continue;
    minions_[execution.slot]->on_due(execution);
    touch(execution.slot);
  }
}

void SwarmLoop::admit_due() {
  for (std::size_t i = 0; i < kJoinsPerTurn && !waiting_.empty() && clock_.now() >= next_join_; ++i) {
    admit(waiting_.front());
    waiting_.pop_front();
    if (config_.ramp_per_second > 0)
      next_join_ +=
          std::chrono::duration_cast<MonoTime::duration>(std::chrono::duration<double>(config_.threads / config_.ramp_per_second));
  }
}

void SwarmLoop::admit(std::uint32_t number) {
  const auto slot = static_cast<std::uint32_t>(minions_.size());
  auto minion = std::make_unique<SimulatedMinion>(around_, slot, number);
  if (auto started = minion->start(); !started) {
    log::error("minion {}: {}", number, started.error().message);
    counters_.errors.add(1);
    counters_.minions.add(-1);
    return;
  }
  minions_.push_back(std::move(minion));
  armed_.push_back(MonoTime::max());
  is_touched_.push_back(false);
  touch(slot);
}

void SwarmLoop::sweep() {
  const MonoTime now = clock_.now();
  if (now < next_sweep_) return;
  next_sweep_ = now + kSweepEvery;
  if (auto flushed = log_.flush(); !flushed) log::error("{}", flushed.error().message);
  std::erase_if(links_.abandoned, [&](const auto& socket) { return socket.first <= now; });
}

// ---- orders ----------------------------------------------------------------------------------------------------------------

void SwarmLoop::take_orders() {
  eventfd_t ignored = 0;
  ::eventfd_read(wake_.get(), &ignored);
  std::vector<LoopOrder> orders;
  {
    std::lock_guard lock(mutex_);
    orders.swap(orders_);
  }
  for (const LoopOrder& order : orders) carry_out(order);
  if (orders.empty()) return;
  serve_touched();
  orders_done_ += orders.size();
}

void SwarmLoop::carry_out(const LoopOrder& order) {
  if (order.command.kind == Kind::kJoin) {
    if (waiting_.empty()) next_join_ = clock_.now();
    waiting_.insert(waiting_.end(), order.numbers.begin(), order.numbers.end());
    counters_.minions.add(static_cast<std::int64_t>(order.numbers.size()));
  } else if (order.command.kind == Kind::kStop) {
    stopping_ = true;
    counters_.minions.add(-static_cast<std::int64_t>(waiting_.size()));
    waiting_.clear();
    on_each(UINT32_MAX, {.kind = Kind::kLeave});
  } else {
    on_each(is_for_all(order.command) ? UINT32_MAX : order.command.count, order.command);
  }
}

void SwarmLoop::on_each(std::uint32_t count, const SwarmCommand& command) {
  for (const std::uint32_t slot : choose(count)) {
    apply(command, slot);
    touch(slot);
  }
}

// UINT32_MAX: all there are; otherwise open ones, as far as there are so many.
std::vector<std::uint32_t> SwarmLoop::choose(std::uint32_t count) {
  std::vector<std::uint32_t> slots;
  for (std::uint32_t slot = 0; slot < minions_.size(); ++slot) {
    const auto& minion = minions_[slot];
    if (minion && (count == UINT32_MAX || (minion->is_open() && !minion->is_frozen() && !minion->is_leaving()))) slots.push_back(slot);
  }
  if (count >= slots.size()) return slots;
  std::vector<std::uint32_t> chosen;
  std::ranges::sample(slots, std::back_inserter(chosen), static_cast<std::ptrdiff_t>(count), random_);
  return chosen;
}

void SwarmLoop::apply(const SwarmCommand& command, std::uint32_t slot) {
  SimulatedMinion& minion = *minions_[slot];
  const MonoTime until = clock_.now() + (command.time == milliseconds(0) ? milliseconds(kForever) : command.time);
  switch (command.kind) {
    case Kind::kLeave: return minion.leave();
    case Kind::kDrop:
    case Kind::kDropAll: return minion.drop();
    case Kind::kHalfOpen: return minion.half_open(until);
    case Kind::kBlackHole: return minion.black_hole(until);
    case Kind::kSlowReader: return minion.read_slowly(command.bytes_per_second);
    case Kind::kFlap: return minion.flap(command.time);
    case Kind::kRestart:
      if (auto restarted = minion.restart(); !restarted) {
        log::error("{}", restarted.error().message);
        counters_.errors.add(1);
      }
      return;
    case Kind::kJoin:
    case Kind::kStop: return;
  }
}

}  // namespace brine::loadtest
