#include "syndic/syndic_metrics.h"

#include <array>

#include "front/front_metrics.h"

namespace brine::syndic {
namespace {

using metrics::Registry;
using metrics::value_of;
using Series = std::vector<Registry::Series>;

// The names of the values of one label, in the order of an array of counters.
constexpr std::array kConnectFailures{"unreachable", "timeout", "refused", "untrusted", "pending", "rejected", "denied", "busy"};
constexpr std::array kSessionEnds{"lost", "broken", "stopping", "displaced", "ended", "moved"};
static_assert(kConnectFailures.size() == net::kConnectFailures && kSessionEnds.size() == net::kSessionEnds);

template <typename Names, typename Counters>
Series by_reason(const Names& names, const Counters& counters) {
  Series series;
  for (std::size_t i = 0; i < names.size(); ++i) series.push_back({{{"reason", names[i]}}, value_of(counters[i])});
  return series;
}

void declare_relay(Registry& registry, const RelayCounters& counters, const UplinkCounters& uplink) {
  registry.gauge("brine_syndic_session_available", "1 while it holds a session with what is above, otherwise 0.",
                 [&counters] { return counters.connected.load(std::memory_order_relaxed) ? 1.0 : 0.0; });
  registry.counter("brine_syndic_upward_sessions_opened_total", "Sessions that it opened upwards.", value_of(uplink.sessions));
  registry.counter("brine_syndic_upward_session_ends_total", "Sessions upwards that ended, by reason.",
                   by_reason(kSessionEnds, uplink.session_ends));
  registry.counter("brine_syndic_connect_failures_total", "Attempts to get a session upwards that came to nothing, by reason.",
                   by_reason(kConnectFailures, uplink.connect_failures));
  registry.gauge("brine_syndic_connected_minions", "Minions that hold a session, also with syndics below.", value_of(counters.minions));
  registry.gauge("brine_syndic_connected_syndics", "Syndics below that hold a session.", value_of(counters.syndics));
  registry.counter("brine_syndic_returns_sent_total", "Returns sent upwards, repeated ones included.", value_of(counters.returns_sent));
  registry.counter("brine_syndic_returns_acknowledged_total", "Returns that are stored above.", value_of(counters.returns_acknowledged));
  registry.counter("brine_syndic_upward_bytes_total", "Bytes of messages to and from above, after compression.",
                   {{{{"direction", "up"}}, value_of(counters.bytes_up)}, {{{"direction", "down"}}, value_of(counters.bytes_down)}});
  registry.counter("brine_syndic_upward_plain_bytes_total", "The same before compression.",
                   {{{{"direction", "up"}}, value_of(counters.plain_up)}, {{{"direction", "down"}}, value_of(counters.plain_down)}});
  registry.counter("brine_syndic_overflows_total", "Sessions ended, admissions refused and receipts dropped because too much waited.",
                   value_of(counters.overflowed));
  registry.counter("brine_syndic_admitted_alone_total", "Minions let in by enrolment_cache while no master was reached.",
                   value_of(counters.admitted_alone));
}

void declare_spool(Registry& registry, const MetricSources& sources) {
  registry.gauge("brine_syndic_spool_returns", "Returns in the spool.",
                 [&spool = sources.spool] { return static_cast<double>(spool.usage().returns); });
  registry.gauge("brine_syndic_spool_bytes", "Bytes of the returns in the spool.",
                 [&spool = sources.spool] { return static_cast<double>(spool.usage().bytes); });
  registry.gauge("brine_syndic_spool_max_bytes", "Bound of these bytes (spool.max_bytes).",
                 [bound = sources.config.spool.max_bytes] { return static_cast<double>(bound); });
  registry.counter("brine_syndic_spool_written_total", "Returns written to the spool, repeated ones included.",
                   value_of(sources.writer.counters().written));
  registry.counter("brine_syndic_spool_batches_total", "Batches in which they were written and synced.",
                   value_of(sources.writer.counters().batches));
  registry.counter("brine_syndic_spool_failures_total", "Batches that could not be written, and are tried again.",
                   value_of(sources.writer.counters().failures));
}

}  // namespace

void declare_syndic_metrics(Registry& registry, const MetricSources& sources) {
  declare_relay(registry, sources.relay, sources.uplink);
  declare_spool(registry, sources);
  front::declare_front_metrics(registry, "brine_syndic", sources.front, sources.face.loop_count());
  front::declare_face_metrics(registry, "brine_syndic", {{"minion", &sources.face.counters()}});
}

}  // namespace brine::syndic
