#include "minion/minion_metrics.h"

#include <utility>

#include "metrics/process_metrics.h"
#include "minion/agent.h"
#include "minion/journal.h"

namespace brine::minion {
namespace {

using metrics::value_of;
using Series = std::vector<metrics::Registry::Series>;

// The names of the values of one label, in the order of an array of counters.
constexpr std::array kConnectFailureNames{"unreachable", "timeout", "refused", "untrusted", "pending", "rejected", "denied", "busy"};
constexpr std::array kSessionEndNames{"lost", "broken", "stopping", "displaced", "ended", "moved"};
constexpr std::array kJobRefusalNames{"invalid", "expired", "busy", "journal", "unknown", "no_match"};
static_assert(kConnectFailureNames.size() == net::kConnectFailures && kSessionEndNames.size() == net::kSessionEnds &&
              kJobRefusalNames.size() == kJobRefusals);

template <typename Names, typename Counters>
Series by_reason(const Names& names, const Counters& counters) {
  Series series;
  for (std::size_t i = 0; i < names.size(); ++i) series.push_back({{{"reason", names[i]}}, value_of(counters[i])});
  return series;
}

metrics::Registry::Read constant(std::uint64_t value) {
  return [value] { return static_cast<double>(value); };
}

std::string without_session(const Agent& agent) {
  const std::string why = !agent.trouble().empty()                       ? agent.trouble()
                          : agent.state() == Agent::State::kWaiting      ? "waiting to connect again"
                          : agent.state() == Agent::State::kConnecting   ? "connecting"
                          : agent.state() == Agent::State::kAwaitWelcome ? "waiting for the welcome"
                                                                         : "shaking hands";
  return "no session with " + agent.master() + ": " + why;
}

}  // namespace

Result<std::unique_ptr<MinionMetrics>> MinionMetrics::open(const config::MinionConfig& config, const Clock& clock,
                                                           const AgentCounters& counters) {
  std::unique_ptr<MinionMetrics> made(new MinionMetrics(config, clock, counters));
  metrics::declare_process_metrics(made->registry_);
  auto opened = metrics::HttpServer::open(config.metrics.listen->host, config.metrics.listen->port,
                                          {.metrics = [page = made.get()] { return page->registry_.text(); },
                                           .healthy = [page = made.get()] { return page->loop_watch_.healthy(); },
                                           .ready = [page = made.get()] { return page->ready(); }});
  if (!opened) return fail(opened.error(), "metrics.listen");
  made->server_ = std::move(*opened);
  return made;
}

MinionMetrics::MinionMetrics(const config::MinionConfig& config, const Clock& clock, const AgentCounters& counters)
    : config_(config), counters_(counters), loop_watch_(clock) {}

MinionMetrics::~MinionMetrics() {
  if (server_) server_->stop();
}

void MinionMetrics::declare(const Pool& pool, const MineCounters& mine) {
  declare_session();
  declare_jobs(pool);
  declare_journal();
  declare_mine(mine);
  loop_watch_.add_loop("main", [this](auto task) { looks_.push_back(std::move(task)); });
  loop_watch_.declare(registry_, "brine_minion");
}

void MinionMetrics::declare_session() {
  registry_.gauge("brine_minion_session_available", "1 while the minion holds a session with a master, otherwise 0.",
                  [this] { return session_.load(std::memory_order_relaxed) ? 1.0 : 0.0; });
  registry_.counter("brine_minion_sessions_opened_total", "Sessions that were opened.", value_of(counters_.sessions));
  registry_.counter("brine_minion_session_ends_total", "Sessions that ended, by reason.",
                    by_reason(kSessionEndNames, counters_.session_ends));
  registry_.counter("brine_minion_connect_failures_total", "Attempts to get a session that came to nothing, by reason.",
                    by_reason(kConnectFailureNames, counters_.connect_failures));
}

void MinionMetrics::declare_jobs(const Pool& pool) {
  registry_.counter("brine_minion_jobs_received_total", "Jobs that came, repeated deliveries included.", value_of(counters_.jobs_received));
  registry_.counter(
      "brine_minion_jobs_executed_total", "Jobs that ran to their end.",
      {{{{"result", "succeeded"}}, value_of(counters_.jobs_succeeded)}, {{{"result", "failed"}}, value_of(counters_.jobs_failed)}});
  registry_.counter("brine_minion_jobs_refused_total", "Jobs that were not run, by reason.",
                    by_reason(kJobRefusalNames, counters_.jobs_refused));
  registry_.counter("brine_minion_jobs_interrupted_total", "Jobs that a stop cut off, of this life or of the one before.",
                    value_of(counters_.jobs_interrupted));
  registry_.gauge("brine_minion_running_jobs", "Jobs that run.", [&pool] { return static_cast<double>(pool.running()); });
  registry_.gauge("brine_minion_max_running_jobs", "How many may run at once (process_count_max).",
                  constant(static_cast<std::uint64_t>(config_.process_count_max)));
  registry_.gauge("brine_minion_queued_jobs", "Jobs that wait for one that runs to end.",
                  [&pool] { return static_cast<double>(pool.waiting()); });
  registry_.gauge("brine_minion_max_queued_jobs", "How many may wait (job_queue_max); beyond it jobs are refused.",
                  constant(config_.job_queue_max));
  registry_.histogram("brine_minion_job_seconds", "How long the functions of jobs ran.", {{{}, &counters_.job_time}});
}

void MinionMetrics::declare_journal() {
  registry_.counter("brine_minion_returns_acknowledged_total", "Returns that a master has acknowledged.",
                    value_of(counters_.returns_acknowledged));
  registry_.gauge("brine_minion_unacknowledged_returns", "Returns that no master has acknowledged yet.", value_of(unacknowledged_));
  registry_.gauge("brine_minion_spool_bytes", "Bytes of jobs and returns in the journal that still matter.", value_of(spool_bytes_));
  registry_.gauge("brine_minion_spool_max_bytes", "Bound of these bytes (spool.max_bytes); beyond it jobs are refused.",
                  constant(config_.spool.max_bytes));
  registry_.histogram("brine_minion_journal_sync_seconds", "How long the disk took to sync the journal.",
                      {{{}, &counters_.journal_sync_time}});
  registry_.counter("brine_minion_journal_sync_failures_total", "Syncs of the journal that failed.",
                    value_of(counters_.journal_sync_failures));
}

void MinionMetrics::declare_mine(const MineCounters& mine) {
  registry_.gauge("brine_minion_mine_entries", "Names under which this minion publishes something.", value_of(mine.entries));
  registry_.counter("brine_minion_mine_runs_total", "Runs of mine_functions, mine.update and mine.send aside.", value_of(mine.runs));
  registry_.counter("brine_minion_mine_failures_total", "Of them, those that failed or gave what cannot be published.",
                    value_of(mine.failures));
  registry_.counter("brine_minion_mine_sent_total", "Entries that were sent to a master, removals included.", value_of(mine.sent));
}

void MinionMetrics::turn_begins() { loop_watch_.look(); }

void MinionMetrics::turn_ends(const Agent& agent, const Journal& journal) {
  const bool open = agent.state() == Agent::State::kOpen;
  session_.store(open, std::memory_order_relaxed);
  unacknowledged_.store(agent.unacknowledged(), std::memory_order_relaxed);
  spool_bytes_.store(journal.bytes(), std::memory_order_relaxed);
  if (!stopping_) say(open ? std::string() : without_session(agent));
  for (const auto& look : std::exchange(looks_, {})) look();
}

void MinionMetrics::stopping() {
  stopping_ = true;
  say("the minion is stopping");
}

void MinionMetrics::say(std::string not_ready) {
  const std::scoped_lock guard(mutex_);
  not_ready_ = std::move(not_ready);
}

Status MinionMetrics::ready() const {
  const std::scoped_lock guard(mutex_);
  if (not_ready_.empty()) return {};
  return fail(Code::kUnavailable, not_ready_);
}

}  // namespace brine::minion
