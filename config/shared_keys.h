// Keys and checks that daemons have in common.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "config/address.h"
#include "config/schema.h"

namespace brine::config {

// The HTTP server for /metrics, /healthz and /readyz. Port 0: any free one. Not given: no server.
struct MetricsConfig {
  std::optional<Address> listen;
};

// What connections that hold neither a ticket nor a known key may do.
struct AdmissionConfig {
  int unknown_per_source_per_second = 200;
  int unknown_burst = 1000;  // per source
};

// The section of metrics; field must outlive the schema.
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

// Network loops where none are named: the number of cores, at most 5.
int default_worker_threads();

// The listening side: for a master, and for a syndic.
void declare_interface(Schema& schema, std::string& field);
void declare_admission(Schema& schema, AdmissionConfig& field);
template <typename Config>
void declare_face(Schema& schema, Config& config) {
  declare_interface(schema, config.interface);
  schema.number<std::uint16_t>("ret_port", config.ret_port, 0, 65535, "Port that minions connect to; 0 means any free one.");
  schema.text("ret_ipc", config.ret_ipc, "Path of a local socket on which minions of the same machine may connect too.");
  schema.number("worker_threads", config.worker_threads, 1, 256, "Network loops; the default is the number of cores, at most 5.");
  declare_session(schema, config);
  schema.duration("handshake_timeout", config.handshake_timeout, std::chrono::milliseconds(500), std::chrono::minutes(5),
                  "Time for greeting and handshake together.");
  declare_admission(schema, config.admission);
}

// The connecting side: for a minion, and for a syndic.
void declare_addresses(Schema& schema, const Schema::KeyInfo& key, std::vector<std::string>& field);
// Every one with its port: its own, or this.
std::vector<Address> addresses_of(const std::vector<std::string>& texts, std::uint16_t port);
template <typename Config>
void declare_connecting(Schema& schema, Config& config) {
  using std::chrono::hours;
  using std::chrono::milliseconds;
  schema.text("master_finger", config.master_finger, "Fingerprint of the cluster's root key; without it the first one seen is trusted.");
  schema.duration("recon_default", config.recon_default, milliseconds(10), hours(1), "Shortest back-off between attempts to connect.",
                  milliseconds(1));
  schema.duration("recon_max", config.recon_max, milliseconds(10), hours(24), "Longest back-off between attempts to connect.",
                  milliseconds(1));
  schema.duration("rebalance_within", config.rebalance_within, milliseconds(0), hours(24),
                  "Of several masters: it moves to one that comes back, or is added, within this time.");
  schema.duration("acceptance_wait_time_max", config.acceptance_wait_time_max, milliseconds(100), hours(24),
                  "The longest it waits before it asks again while its key is pending.");
}
template <typename Config>
void check_back_off(const Schema& schema, const Config& config, Problems& problems) {
  if (config.recon_max >= config.recon_default) return;
  schema.complain_at({{"recon_max", "recon_default"}},
                     "'recon_max' (" + print_duration(config.recon_max) + ") must not be shorter than 'recon_default' (" +
                         print_duration(config.recon_default) + ")",
                     problems);
}

// Whether the value can stand where ids do.
void check_name(const Schema& schema, std::string_view key, const std::string& value, Problems& problems);

}  // namespace brine::config
