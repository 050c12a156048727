#include "loadtest/swarm.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>

#include "base/daemon.h"
#include "base/log.h"
#include "loadtest/json.h"
#include "net/crypto.h"

namespace brine::loadtest {
namespace {

using Kind = SwarmCommand::Kind;

constexpr milliseconds kLookEvery{20};
constexpr milliseconds kLineEvery{1'000};
constexpr rlim_t kOwnFiles = 64;

void say(const Json& line) {
  const std::string text = line.dump() + "\n";
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

double rounded(double seconds) { return static_cast<double>(static_cast<std::int64_t>(seconds * 1000)) / 1000; }

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds_of = [](const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6; };
  return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}

std::int64_t rss_kib() {
  std::ifstream statm("/proc/self/statm");
  std::int64_t all = 0;
  std::int64_t resident = 0;
  statm >> all >> resident;
  return resident * ::sysconf(_SC_PAGESIZE) / 1024;
}

}  // namespace

struct Swarm::Totals {
  std::int64_t minions = 0;
  std::int64_t frozen = 0;
  std::int64_t open = 0;
  std::int64_t longest_turn_us = 0;
  Json json;
};

Swarm::Swarm(SwarmConfig config)
    : config_(std::move(config)),
      begin_(clock_.now()),
      grains_(config_.grains_bytes),
      next_number_(config_.first),
      next_line_(begin_ + kLineEvery) {
  if (config_.seed == 0) config_.seed = net::random_u64() >> 1;
}

Status Swarm::start() {
  BRINE_TRY(raise_file_limit());
  if (!config_.folder.empty()) BRINE_TRY(make_folders(config_.folder, 0700));
  for (unsigned i = 0; i < config_.threads; ++i) {
    loops_.push_back(std::make_unique<SwarmLoop>(config_, grains_, i, config_.seed));
    BRINE_TRY(loops_.back()->start());
  }
  post({.kind = Kind::kJoin, .count = config_.count});
  return {};
}

Status Swarm::raise_file_limit() const {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  const rlim_t each = config_.journal == JournalKind::kFile ? 2 : 1;
  if (config_.count * each + kOwnFiles <= limit.rlim_cur) return {};
  return fail(Code::kInvalid, std::to_string(config_.count) + " minions need " + std::to_string(config_.count * each + kOwnFiles) +
                                  " open files, and this process may have " + std::to_string(limit.rlim_cur) +
                                  "; raise the limit (ulimit -Hn) or start several swarms, each with its own 'first'");
}

void Swarm::run() {
  while (!all_stopped()) {
    if (wait_for_input()) read_input();
    if (!stopping_ && (!input_open_ || wait_for_stop(milliseconds(0)))) post({.kind = Kind::kStop});
    tell_ready();
    if (clock_.now() >= next_line_) tell_progress();
  }
  for (const auto& loop : loops_) loop->join();
  tell_end();
}

bool Swarm::all_stopped() const {
  return std::ranges::all_of(loops_, [](const auto& loop) { return loop->has_stopped(); });
}

// ---- input -----------------------------------------------------------------------------------------------------------------

bool Swarm::wait_for_input() const {
  pollfd item{input_open_ ? STDIN_FILENO : -1, POLLIN, 0};
  return ::poll(&item, 1, static_cast<int>(kLookEvery.count())) > 0;
}

void Swarm::read_input() {
  char buffer[4096];
  const ssize_t got = ::read(STDIN_FILENO, buffer, sizeof buffer);
  if (got <= 0) {
    input_open_ = false;
    return;
  }
  input_.append(buffer, static_cast<std::size_t>(got));
  for (std::size_t end = input_.find('\n'); end != std::string::npos; end = input_.find('\n')) {
    obey(input_.substr(0, end));
    input_.erase(0, end + 1);
  }
}

void Swarm::obey(const std::string& line) {
  if (line.find_first_not_of(" \t\r") == std::string::npos) return;
  const auto command = parse_swarm_command(line);
  if (!command) return say({{"event", "error"}, {"text", command.error().message}});
  post(*command);
}

void Swarm::post(const SwarmCommand& command) {
  if (stopping_) return;
  stopping_ = command.kind == Kind::kStop;
  told_ready_ = false;
  ++orders_posted_;
  if (command.kind == Kind::kJoin) return join(command);
  // What does not divide goes to another loop each time.
  const auto loops = static_cast<std::uint32_t>(loops_.size());
  for (std::uint32_t i = 0; i < loops; ++i) {
    LoopOrder order{command, {}};
    order.command.count = command.count / loops + (i < command.count % loops ? 1 : 0);
    loops_[(next_loop_ + i) % loops]->post(std::move(order));
  }
  next_loop_ = (next_loop_ + command.count) % loops;
}

void Swarm::join(const SwarmCommand& command) {
  std::vector<LoopOrder> orders(loops_.size(), LoopOrder{command, {}});
  for (std::uint32_t i = 0; i < command.count; ++i, ++next_number_) orders[next_number_ % loops_.size()].numbers.push_back(next_number_);
  for (std::size_t i = 0; i < loops_.size(); ++i) loops_[i]->post(std::move(orders[i]));
}

bool Swarm::orders_carried_out() const {
  return std::ranges::all_of(loops_, [this](const auto& loop) { return loop->orders_done() == orders_posted_; });
}

// ---- output ----------------------------------------------------------------------------------------------------------------

Swarm::Totals Swarm::totals() const {
  Totals totals;
  const auto sum = [&](Counter SwarmCounters::* counter) {
    std::int64_t value = 0;
    for (const auto& loop : loops_) value += (loop->counters().*counter).value();
    return value;
  };
  totals.minions = sum(&SwarmCounters::minions);
  totals.frozen = sum(&SwarmCounters::frozen);
  totals.open = sum(&SwarmCounters::open);
  for (const auto& loop : loops_) totals.longest_turn_us = std::max(totals.longest_turn_us, loop->counters().longest_turn_us.take());
  totals.json = {{"minions", totals.minions},
                 {"frozen", totals.frozen},
                 {"open", totals.open},
                 {"connecting", sum(&SwarmCounters::connecting)},
                 {"connects", sum(&SwarmCounters::connects)},
                 {"executed", sum(&SwarmCounters::executed)},
                 {"returns_sent", sum(&SwarmCounters::returns_sent)},
                 {"acknowledged", sum(&SwarmCounters::acknowledged)},
                 {"unacknowledged", sum(&SwarmCounters::unacknowledged)},
                 {"handshakes_full", sum(&SwarmCounters::handshakes_full)},
                 {"handshakes_resumed", sum(&SwarmCounters::handshakes_resumed)},
                 {"refused", sum(&SwarmCounters::refused)},
                 {"lost", sum(&SwarmCounters::lost)},
                 {"interrupted", sum(&SwarmCounters::interrupted)},
                 {"errors", sum(&SwarmCounters::errors)}};
  return totals;
}

void Swarm::tell_ready() {
  if (told_ready_ || stopping_ || !orders_carried_out()) return;
  std::int64_t open = 0;
  std::int64_t target = 0;
  for (const auto& loop : loops_) {
    open += loop->counters().open.value();
    target += loop->counters().minions.value() - loop->counters().frozen.value();
  }
  if (open < target) return;
  told_ready_ = true;
  say({{"event", "ready"}, {"t", rounded(std::chrono::duration<double>(clock_.now() - begin_).count())}, {"open", open}});
}

void Swarm::tell_progress() {
  next_line_ += kLineEvery;
  Totals now = totals();
  now.json["t"] = rounded(std::chrono::duration<double>(clock_.now() - begin_).count());
  now.json["cpu_s"] = rounded(cpu_seconds());
  now.json["rss_kib"] = rss_kib();
  now.json["longest_turn_ms"] = rounded(static_cast<double>(now.longest_turn_us) / 1000);
  say(now.json);
}

void Swarm::tell_end() {
  Json final = totals().json;
  std::uint64_t doubled = 0;
  std::uint64_t repeated = 0;
  for (const auto& loop : loops_) {
    doubled += loop->log().doubled();
    repeated += loop->log().repeated();
  }
  final["t"] = rounded(std::chrono::duration<double>(clock_.now() - begin_).count());
  final["cpu_s"] = rounded(cpu_seconds());
  final["rss_kib"] = rss_kib();
  final["doubled"] = doubled;
  final["repeated"] = repeated;
  say({{"final", final}});
}

}  // namespace brine::loadtest
