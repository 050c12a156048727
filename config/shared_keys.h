// Keys and checks that master and minion have in common.
#pragma once

#include <optional>

#include "base/log.h"
#include "config/address.h"
#include "config/schema.h"

namespace brine::config {

// The HTTP server for /metrics, /healthz and /readyz. Port 0: any free one. Not given: no server.
struct MetricsConfig {
  std::optional<Address> listen;
};

// The section of that; field must outlive the schema.
void declare_metrics(Schema& schema, MetricsConfig& field);

// Salt's names of levels; field must outlive the schema.
void declare_log_level(Schema& schema, log::Level& field);

// Folders and log file, below root_dir. Config is MasterConfig or MinionConfig.
template <typename Config>
void declare_folders(Schema& schema, Config& config) {
  schema.text("root_dir", config.root_dir, "Put in front of every path below that does not begin with it already.");
  schema.text("pki_dir", config.pki_dir, "Folder of the keys.");
  schema.text("cachedir", config.cachedir, "Folder of what may be lost.");
  schema.text("sock_dir", config.sock_dir, "Folder of the local sockets, and of the file that says the daemon is ready.");
  declare_log_level(schema, config.log_level);
  schema.text("log_file", config.log_file, "Log here too, besides standard error.");
}

template <typename Config>
void declare_session(Schema& schema, Config& config) {
  schema.size("max_message", config.max_message, 64ULL << 10, 1ULL << 30, "Longest message of an authenticated peer.");
  schema.duration("heartbeat", config.heartbeat, milliseconds(100), std::chrono::hours(1), "Silence after which the peer is pinged.");
  schema.duration("heartbeat_timeout", config.heartbeat_timeout, milliseconds(200), std::chrono::hours(4),
                  "Silence after which the connection is given up.");
}

template <typename Config>
void check_session(const Schema& schema, const Config& config, Problems& problems) {
  if (config.heartbeat_timeout > config.heartbeat) return;
  schema.complain_at({{"heartbeat_timeout", "heartbeat"}},
                     "'heartbeat_timeout' (" + print_duration(config.heartbeat_timeout) + ") must be longer than 'heartbeat' (" +
                         print_duration(config.heartbeat) + ")",
                     problems);
}

}  // namespace brine::config
