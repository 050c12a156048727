#include "master/master_metrics.h"

#include <algorithm>

#include "front/front_metrics.h"

namespace brine::master {
namespace {

using metrics::Registry;
using metrics::value_of;
using Series = std::vector<Registry::Series>;

Registry::Read constant(double value) {
  return [value] { return value; };
}

Registry::Read bound_of(std::uint64_t value) { return constant(static_cast<double>(value)); }

void declare_minions(Registry& registry, const engine::Engine& engine) {
  const engine::EngineCounters& counters = engine.counters();
  registry.gauge("brine_master_connected_minions", "Minions that hold a session.", value_of(counters.connected));
  registry.gauge("brine_master_connected_syndics", "Syndics that hold a session.", value_of(counters.gateways));
  registry.gauge("brine_master_keys", "Keys of minions and syndics by state.",
                 {{{{"state", "accepted"}}, value_of(counters.keys_accepted)},
                  {{{"state", "pending"}}, value_of(counters.keys_pending)},
                  {{{"state", "rejected"}}, value_of(counters.keys_rejected)},
                  {{{"state", "denied"}}, value_of(counters.keys_denied)}});
  Series tokens;
  for (std::size_t i = 0; i < engine::kTokenOutcomes; ++i)
    tokens.push_back({{{"outcome", std::string(to_string(static_cast<engine::TokenOutcome>(i)))}}, value_of(engine.token_counters()[i])});
  registry.counter("brine_master_join_tokens_total", "Join tokens that minions showed, by what came of them.", std::move(tokens));
  registry.counter("brine_master_reaped_total", "Ephemeral minions that were forgotten because they were away.", value_of(counters.reaped));
  registry.counter("brine_master_sessions_opened_total", "Sessions that minions opened.", value_of(counters.sessions));
}

void declare_mine(metrics::Registry& registry, const engine::MineCounters& mine) {
  registry.gauge("brine_master_mine_entries", "Entries of the mine that this master knows, of all minions.", value_of(mine.entries));
  registry.gauge("brine_master_mine_bytes", "Their names, values, and who may read them.", value_of(mine.bytes));
  registry.counter("brine_master_mine_changes_total", "Entries that minions of this master have added, changed or removed.",
                   value_of(mine.changed));
  registry.counter("brine_master_mine_unchanged_total", "Entries that they sent and that were known.", value_of(mine.unchanged));
  registry.counter("brine_master_mine_refused_total", "Entries that were not taken: malformed, or more than a minion may have.",
                   value_of(mine.refused));
  registry.counter("brine_master_mine_written_total", "Entries written to the store, removals included.", value_of(mine.written));
  registry.gauge("brine_master_mine_waiting_entries", "Entries that wait for the store.", value_of(mine.waiting));
  registry.counter("brine_master_mine_reads_total", "Reads: mine.get, mine.entries, service discovery.", value_of(mine.reads));
}

void declare_jobs(Registry& registry, const engine::Engine& engine, const config::MasterConfig& config) {
  const engine::EngineCounters& counters = engine.counters();
  registry.counter("brine_master_jobs_total", "Jobs that were accepted and stored.", value_of(counters.jobs));
  registry.counter(
      "brine_master_jobs_refused_total", "Jobs that were refused: too much at once, or no store.",
      {{{{"reason", "busy"}}, value_of(counters.refused_busy)}, {{{"reason", "unavailable"}}, value_of(counters.refused_unavailable)}});
  registry.gauge("brine_master_open_jobs", "Jobs that wait for returns.", value_of(counters.open_jobs));
  registry.gauge("brine_master_max_open_jobs", "How many jobs may be open (max_open_jobs).", bound_of(config.max_open_jobs));
  registry.gauge("brine_master_engine_queue_tasks", "Tasks that wait for the thread engine.",
                 [&engine] { return static_cast<double>(engine.queue_depth()); });
  registry.gauge("brine_master_engine_queue_max_tasks", "How many may wait; beyond it submissions and handshakes are refused.",
                 bound_of(engine.queue_bound()));
  registry.counter("brine_master_engine_queue_overflows_total", "What the full queue of the thread engine did not take.",
                   {{{{"what", "admission"}}, value_of(counters.overflowed_admissions)},
                    {{{"what", "session"}}, value_of(counters.overflowed_sessions)},
                    {{{"what", "submission"}}, value_of(counters.overflowed_submissions)},
                    {{{"what", "note"}}, value_of(counters.overflowed_notes)}});
}

// Of several masters.
void declare_cluster(Registry& registry, const engine::Engine& engine) {
  const engine::Peers* peers = engine.peers();
  if (peers == nullptr) return;
  registry.gauge("brine_master_lease_available", "1 while this master holds its lease among the masters, otherwise 0.",
                 [peers] { return peers->leads() ? 1.0 : 0.0; });
  registry.gauge("brine_master_live_masters", "Masters of the cluster that hold a lease, as far as this one knows.",
                 [peers] { return static_cast<double>(peers->masters().size()); });
  registry.gauge("brine_master_feed_entries",
                 "Jobs that this master has read from the feed of all, since the store was made: as many on all that keep up.",
                 [&engine] { return static_cast<double>(engine.ledger().feed_position().counter); });
}

void declare_ledger(Registry& registry, const engine::Ledger& ledger, const config::MasterConfig& config) {
  const engine::LedgerCounters& counters = ledger.counters();
  registry.counter("brine_master_returns_total", "Returns that were received and settled with the store.",
                   {{{{"result", "committed"}}, value_of(counters.returns)},
                    {{{"result", "repeated"}}, value_of(counters.repeated)},
                    {{{"result", "late"}}, value_of(counters.late)},
                    {{{"result", "conflicting"}}, value_of(counters.conflicts)},
                    {{{"result", "unexpected"}}, value_of(counters.unexpected)}});
  registry.gauge("brine_master_queued_returns", "Returns that wait for their commit.",
                 [&ledger] { return static_cast<double>(ledger.queued_returns()); });
  registry.gauge("brine_master_max_queued_returns", "How many may wait (max_pending_returns); beyond it minions are not read.",
                 bound_of(config.max_pending_returns));
  registry.gauge("brine_master_ledger_queue_entries", "Entries that wait for the thread ledger: groups of returns, jobs, keys, grains.",
                 [&ledger] { return static_cast<double>(ledger.depth()); });
  registry.gauge("brine_master_ledger_queue_max_entries", "How many may wait; from half of it on jobs are refused.",
                 bound_of(config.max_pending_returns));
  registry.counter("brine_master_commits_total", "Batches that the store committed.", value_of(counters.commits));
  registry.histogram("brine_master_commit_seconds", "How long a commit took, sync included.", {{{}, &counters.commit_time}});
  registry.gauge("brine_master_store_available", "1 while the store is there, otherwise 0.",
                 [&ledger] { return ledger.available() ? 1.0 : 0.0; });
  registry.counter("brine_master_store_failures_total", "How often the store went away.", value_of(counters.store_failures));
}

// The newest position is up to a second old: a returner may be beyond it.
double behind(const engine::EngineCounters& counters, const returners::Drain& drain) {
  const std::uint64_t end = counters.outbox_end.load(std::memory_order_relaxed);
  const std::uint64_t position = drain.counters().position.load(std::memory_order_relaxed);
  const std::uint64_t there = counters.outbox_entries.load(std::memory_order_relaxed);
  return static_cast<double>(end > position ? std::min(end - position, there) : 0);
}

double waits(const Clock& clock, const returners::Drain& drain) {
  const UnixMicros oldest = drain.counters().oldest.load(std::memory_order_relaxed);
  return oldest == 0 ? 0.0 : std::max(0.0, static_cast<double>(clock.unix_now() - oldest) / 1e6);
}

void declare_outbox(Registry& registry, const MetricSources& sources) {
  const engine::EngineCounters& counters = sources.engine.counters();
  registry.gauge("brine_master_outbox_entries", "Returns kept for the returners.", value_of(counters.outbox_entries));
  registry.gauge("brine_master_outbox_bytes", "Bytes of the returns kept for the returners.", value_of(counters.outbox_bytes));
  registry.gauge("brine_master_outbox_max_bytes", "Bound of these bytes (outbox.max_bytes).", bound_of(sources.config.outbox.max_bytes));
  registry.counter("brine_master_outbox_dropped_total", "Returns that left the outbox before every returner had them.",
                   value_of(sources.engine.ledger().counters().outbox_dropped));
  registry.counter("brine_master_events_dropped_total", "Events for returners that were dropped because too many waited for the store.",
                   value_of(sources.engine.ledger().counters().events_dropped));
  if (sources.drains.empty()) return;
  Series behinds, delivered, passed_over, refused, failures, ages;
  std::vector<Registry::Distribution> times;
  for (const auto& drain : sources.drains) {
    const Registry::Labels label{{"returner", drain->name()}};
    behinds.push_back({label, [&counters, &drain = *drain] { return behind(counters, drain); }});
    delivered.push_back({label, value_of(drain->counters().delivered)});
    passed_over.push_back({label, value_of(drain->counters().passed_over)});
    refused.push_back({label, value_of(drain->counters().refused)});
    failures.push_back({label, value_of(drain->counters().failures)});
    ages.push_back({label, [&clock = sources.clock, &drain = *drain] { return waits(clock, drain); }});
    times.push_back({label, &drain->counters().delivery_time});
  }
  registry.gauge("brine_master_returner_behind_entries", "Returns in the outbox that a returner has not taken.", std::move(behinds));
  registry.counter("brine_master_returner_delivered_total", "Returns that a returner took.", std::move(delivered));
  registry.counter("brine_master_returner_passed_over_total",
                   "Returns and events that are not for a returner (only, except, event_return).", std::move(passed_over));
  registry.counter("brine_master_returner_refused_total", "Records that a backend refused for good; they are in the file of dead letters.",
                   std::move(refused));
  registry.counter("brine_master_returner_failures_total", "Batches that a returner did not take whole; the rest is tried again.",
                   std::move(failures));
  registry.gauge("brine_master_returner_oldest_waiting_seconds", "For how long the oldest record that a returner has not taken has waited.",
                 std::move(ages));
  registry.histogram("brine_master_returner_delivery_seconds", "How long a returner took for a batch.", std::move(times));
}

}  // namespace

void declare_master_metrics(Registry& registry, const MetricSources& sources) {
  declare_minions(registry, sources.engine);
  declare_mine(registry, sources.engine.mine_counters());
  front::declare_front_metrics(registry, "brine_master", sources.front, sources.minion_face.loop_count());
  declare_jobs(registry, sources.engine, sources.config);
  declare_ledger(registry, sources.engine.ledger(), sources.config);
  declare_cluster(registry, sources.engine);
  declare_outbox(registry, sources);
  front::declare_face_metrics(registry, "brine_master",
                              {{"minion", &sources.minion_face.counters()}, {"operator", &sources.operator_face.counters()}});
  registry.gauge("brine_master_runner_queue_tasks", "Runners that wait for their turn.",
                 [&runner_thread = sources.runner_thread] { return static_cast<double>(runner_thread.depth()); });
}

}  // namespace brine::master
