#include "front/front_metrics.h"

#include <algorithm>
#include <array>

namespace brine::front {
namespace {

using metrics::Registry;
using metrics::value_of;
using Series = std::vector<Registry::Series>;

// The names of the values of one label, in the order of an array of counters.
constexpr std::array kHandshakeFailures{"version", "other_cluster", "malformed", "unproven"};
constexpr std::array kVerdicts{"accepted", "pending", "rejected", "denied", "busy"};
constexpr std::array kLanes{"ticket", "known", "unknown", "second_half"};
constexpr std::size_t kBoundedLanes = 3;  // second halves are as many as the lanes let in

template <typename Names, typename Counters>
Series by(const char* label, const Names& names, const Counters& counters) {
  Series series;
  for (std::size_t i = 0; i < names.size(); ++i) series.push_back({{{label, names[i]}}, value_of(counters[i])});
  return series;
}

// One series for each face.
Series of_each(const NamedFaces& faces, std::atomic<std::uint64_t> net::FaceCounters::* counter) {
  Series series;
  for (const auto& [name, counters] : faces) series.push_back({{{"face", name}}, value_of(counters->*counter)});
  return series;
}

void add_open(Series& series, const std::string& face, const net::FaceCounters& counters) {
  series.push_back({{{"face", face}, {"state", "handshake"}}, value_of(counters.unauthenticated)});
  series.push_back({{{"face", face}, {"state", "authenticated"}}, [&counters] {
                      const std::int64_t open = counters.open.load(std::memory_order_relaxed);
                      return static_cast<double>(
                          std::max<std::int64_t>(0, open - counters.unauthenticated.load(std::memory_order_relaxed)));
                    }});
}

void add_cut(Series& series, const std::string& face, const net::FaceCounters& counters) {
  series.push_back({{{"face", face}, {"reason", "protocol"}}, value_of(counters.refused)});
  series.push_back({{{"face", face}, {"reason", "timeout"}}, value_of(counters.timed_out)});
  series.push_back({{{"face", face}, {"reason", "slow_reader"}}, value_of(counters.cut)});
  series.push_back({{{"face", face}, {"reason", "made_room"}}, value_of(counters.evicted)});
}

void declare_relay(Registry& registry, const std::string& prefix, const RelayCounters& counters) {
  registry.counter(prefix + "_gateway_bytes_total", "Bytes of messages to and from the syndics behind, after compression.",
                   {{{{"direction", "in"}}, value_of(counters.bytes_in)}, {{{"direction", "out"}}, value_of(counters.bytes_out)}});
  registry.counter(prefix + "_gateway_plain_bytes_total", "The same before compression.",
                   {{{{"direction", "in"}}, value_of(counters.plain_in)}, {{{"direction", "out"}}, value_of(counters.plain_out)}});
  registry.counter(prefix + "_gateway_returns_total", "Returns that came through syndics.", value_of(counters.returns));
  registry.counter(prefix + "_gateway_refused_total", "Sessions and returns that a syndic had no right to.", value_of(counters.refused));
}

}  // namespace

void declare_front_metrics(Registry& registry, const std::string& prefix, const FrontContext& front, std::size_t loops) {
  const FrontCounters& counters = front.counters;
  registry.counter(prefix + "_handshakes_total", "Handshakes of minions that succeeded, or were put off because too many waited.",
                   {{{{"result", "full"}}, value_of(counters.handshakes_full)},
                    {{{"result", "resumed"}}, value_of(counters.handshakes_resumed)},
                    {{{"result", "busy"}}, value_of(counters.handshakes_busy)}});
  registry.counter(prefix + "_handshake_failures_total", "Handshakes that came to nothing, by reason.",
                   by("reason", kHandshakeFailures, counters.handshakes_failed));
  registry.counter(prefix + "_admissions_total", "What minions were told after their handshake.",
                   by("verdict", kVerdicts, counters.admissions));
  registry.gauge(prefix + "_waiting_handshakes", "Handshakes that wait for their turn, by lane.",
                 by("lane", kLanes, counters.handshakes_waiting));
  Series bounds;
  for (std::size_t i = 0; i < kBoundedLanes; ++i) {
    const auto bound = static_cast<double>(front.admission.lane_capacity[i] * loops);
    bounds.push_back({{{"lane", kLanes[i]}}, [bound] { return bound; }});
  }
  registry.gauge(prefix + "_max_waiting_handshakes", "How many may wait, by lane; beyond it minions are told to come back later.",
                 std::move(bounds));
  registry.counter(prefix + "_sessions_broken_total", "Connections closed for a frame that was altered, repeated or out of place.",
                   value_of(counters.sessions_broken));
  registry.counter(prefix + "_deliveries_total", "Jobs sent to minions, repeated deliveries included.", value_of(counters.deliveries));
  declare_relay(registry, prefix, counters.relay);
}

void declare_face_metrics(Registry& registry, const std::string& prefix, const NamedFaces& faces) {
  using net::FaceCounters;
  Series open, cut, unauthenticated;
  for (const auto& [face, counters] : faces) {
    add_open(open, face, *counters);
    add_cut(cut, face, *counters);
  }
  registry.gauge(prefix + "_open_connections", "Connections by state.", std::move(open));
  registry.counter(prefix + "_connections_accepted_total", "Connections that were accepted.", of_each(faces, &FaceCounters::accepted));
  registry.counter(prefix + "_connections_closed_total", "Connections that ended, for whatever reason.",
                   of_each(faces, &FaceCounters::closed));
  registry.counter(prefix + "_connections_cut_total", "Of those, what the daemon ended itself, by reason.", std::move(cut));
  registry.counter(prefix + "_accept_pauses_total", "How often accepting paused because of the limit of files.",
                   of_each(faces, &FaceCounters::accept_pauses));
  registry.counter(prefix + "_received_messages_total", "Messages that came.", of_each(faces, &FaceCounters::messages_in));
  registry.counter(prefix + "_sent_messages_total", "Messages that were sent.", of_each(faces, &FaceCounters::messages_out));
  registry.counter(prefix + "_received_bytes_total", "Bytes that came.", of_each(faces, &FaceCounters::bytes_in));
  registry.counter(prefix + "_sent_bytes_total", "Bytes that were sent.", of_each(faces, &FaceCounters::bytes_out));
  registry.gauge(prefix + "_unauthenticated_bytes", "Buffers of minions' connections before their key is known to be accepted.",
                 value_of(faces.front().second->unauthenticated_bytes));
}

}  // namespace brine::front
