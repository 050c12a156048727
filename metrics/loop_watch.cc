#include "metrics/loop_watch.h"

#include <utility>

#include <fmt/format.h>

namespace brine::metrics {
namespace {

std::vector<microseconds> lag_bounds() {
  return {milliseconds(1),   milliseconds(5),     milliseconds(25),    milliseconds(100),
          milliseconds(500), milliseconds(2'500), milliseconds(10'000)};
}

Error stalled(std::string_view name, MonoTime::duration time) {
  return {Code::kTimeout, fmt::format("thread {} has not moved for {} s", name, std::chrono::duration_cast<seconds>(time).count())};
}

}  // namespace

// Shared with the task that is on its way: it may come back after the watch has gone.
struct LoopWatch::Watched {
  std::string name;
  Post post;                                        // of a loop
  std::function<std::uint64_t()> turns;             // of a thread
  std::uint64_t seen = 0;                           // turns at the last look
  MonoTime moved{};                                 // when they had grown
  std::atomic<MonoTime> waiting_since{MonoTime{}};  // MonoTime{}: it moves
  DurationHistogram lag{lag_bounds()};
};

LoopWatch::LoopWatch(const Clock& clock, milliseconds stalled_after) : clock_(clock), stalled_after_(stalled_after) {}

void LoopWatch::add_loop(std::string name, Post post) {
  auto watched = std::make_shared<Watched>();
  watched->name = std::move(name);
  watched->post = std::move(post);
  const std::lock_guard lock(mutex_);
  watched_.push_back(std::move(watched));
}

void LoopWatch::add_thread(std::string name, std::function<std::uint64_t()> turns) {
  auto watched = std::make_shared<Watched>();
  watched->name = std::move(name);
  watched->seen = turns();
  watched->moved = clock_.now();
  watched->turns = std::move(turns);
  const std::lock_guard lock(mutex_);
  watched_.push_back(std::move(watched));
}

void LoopWatch::look() {
  const MonoTime now = clock_.now();
  looked_ = now;
  const std::lock_guard lock(mutex_);
  for (const auto& watched : watched_) look_at(watched, now);
}

void LoopWatch::look_at(const std::shared_ptr<Watched>& watched, MonoTime now) {
  if (watched->turns) {
    const std::uint64_t turns = watched->turns();
    const bool moved = std::exchange(watched->seen, turns) != turns;
    if (moved) watched->moved = now;
    watched->waiting_since = moved ? MonoTime{} : watched->moved;
    return;
  }
  if (watched->waiting_since.load() != MonoTime{}) return;
  watched->waiting_since = now;
  watched->post([watched, now, &clock = clock_] {
    watched->lag.observe(std::chrono::duration_cast<microseconds>(clock.now() - now));
    watched->waiting_since = MonoTime{};
  });
}

double LoopWatch::stalled_seconds(const Watched& watched) const {
  const MonoTime since = watched.waiting_since;
  return since == MonoTime{} ? 0 : std::chrono::duration<double>(clock_.now() - since).count();
}

Status LoopWatch::healthy() const {
  const MonoTime now = clock_.now();
  const MonoTime looked = looked_;
  if (looked != MonoTime{} && now - looked > stalled_after_) return std::unexpected(stalled("main", now - looked));
  const std::lock_guard lock(mutex_);
  for (const auto& watched : watched_) {
    const MonoTime since = watched->waiting_since;
    if (since != MonoTime{} && now - since > stalled_after_) return std::unexpected(stalled(watched->name, now - since));
  }
  return {};
}

void LoopWatch::declare(Registry& registry, const std::string& prefix) const {
  std::vector<Registry::Distribution> lags;
  std::vector<Registry::Series> stalls;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& watched : watched_) {
      if (watched->post) lags.push_back({{{"loop", watched->name}}, &watched->lag});
      stalls.push_back({{{"loop", watched->name}}, [this, watched] { return stalled_seconds(*watched); }});
    }
  }
  registry.histogram(prefix + "_loop_lag_seconds", "How long a task waited for its turn on a thread, measured once a second or more often.",
                     std::move(lags));
  registry.gauge(prefix + "_loop_stalled_seconds", "For how long a thread has not moved; 0 while it does.", std::move(stalls));
}

}  // namespace brine::metrics
