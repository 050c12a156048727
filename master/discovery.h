// Service discovery for Prometheus (https://prometheus.io/docs/prometheus/latest/http_sd/) out of the mine: docs/mine.md says what minions
// may publish.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "metrics/http_server.h"

namespace brine::master {

// What is asked for: ?fun=NAME[&tgt=TARGET][&tgt_type=KIND][&port=N][&grains=os,role].
struct DiscoveryQuery {
  engine::MineQuery mine;
  std::uint16_t port = 0;  // for values without one
  std::vector<std::string> grains{"os", "osrelease", "cpuarch"};
};
Result<DiscoveryQuery> read_discovery_query(const metrics::Query& query);

// The target group of one minion: its value is "host:port", an address or host (port is needed then), a list of them, or a map with targets
// and labels. Nothing for a value that is none of these, and for an entry that not everybody may read.
std::optional<nlohmann::json> target_group(const engine::Engine::Described& described, const DiscoveryQuery& query);

// The page. It is made on the engine's thread and waited for, 5 s at most.
metrics::PageAnswer prometheus_targets(engine::Engine& engine, const metrics::Query& query);

}  // namespace brine::master
