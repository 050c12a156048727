// The configuration of a master: <dir>/master and <dir>/master.d/*.conf.
//
// Field names are the keys of the file, sections are structs. Plain values; the defaults are those that hold without a file. Paths are
// final: root_dir has been put in front. Each part of the master gets only what it needs of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "config/address.h"
#include "config/returner_config.h"
#include "config/schema.h"
#include "config/shared_keys.h"

namespace brine::config {

using std::chrono::milliseconds;
using std::chrono::seconds;

enum class StateBackend { kSqlite, kRedis };
enum class Durability { kAsync, kReplicated, kSynced };
enum class OutboxFull { kRefuseJobs, kDropOldest };

// Where keys, jobs and returns are kept.
struct StateConfig {
  StateBackend backend = StateBackend::kSqlite;
  std::string path = "/var/lib/brine/master";  // folder of the embedded store
  // Of a Redis, which several masters share.
  std::string url;            // redis://host:port/database, unix:///path, redis+sentinel://host,host/name
  std::string user;           // empty: the default user
  std::string password_file;  // empty: no password
  Durability durability = Durability::kAsync;
  int partitions = 1;
};

// What is kept for the returners until each has taken it.
struct OutboxConfig {
  std::uint64_t max_bytes = 1ULL << 30;
  seconds keep_seconds{86400};
  OutboxFull on_full = OutboxFull::kRefuseJobs;
};

struct MasterConfig {
  std::string conf_dir;        // where it was read from
  bool restore_store = false;  // of the command line: fill an exchanged store from this master's copy
  std::string id;              // of this master in the cluster; default: the host name
  std::string cluster = "brine";

  // Network.
  std::string interface = "0.0.0.0";  // IP address that minions connect to
  std::uint16_t ret_port = 4506;      // 0: any free port
  std::uint16_t publish_port = 4505;  // kept for a later version
  std::string address;                // host:port that minions use when there are several masters; default: the interface or the host name
  std::string ret_ipc;                // path of a local socket for minions of the same machine; empty: none
  int worker_threads = 0;             // network loops; default: the number of cores, at most 5
  std::uint64_t max_message = 16ULL << 20;  // bytes, after authentication
  milliseconds heartbeat{5000};             // silence after which a peer is pinged
  milliseconds heartbeat_timeout{12000};    // silence after which its connection is closed
  milliseconds handshake_timeout{10000};
  AdmissionConfig admission;

  // Folders and files.
  std::string root_dir = "/";
  std::string pki_dir = "/etc/brine/pki/master";
  std::string cachedir = "/var/cache/brine/master";
  std::string sock_dir = "/run/brine/master";
  log::Level log_level = log::Level::kWarning;
  std::string log_file;  // empty: standard error only

  // Keys and trust.
  bool auto_accept = false;
  std::string autosign_file;                 // one glob of minion ids per line; empty: none
  milliseconds acceptance_wait_time{10000};  // what pending minions are told to wait before they ask again
  int pending_keys_max = 1000;
  seconds pending_keys_seconds{86400};
  seconds presence_expiry{3600};  // an ephemeral minion that is away for longer is forgotten
  seconds ticket_life{3600};
  int manifest_days = 7;  // validity of a manifest that this master signs

  // Jobs.
  milliseconds timeout{5000};                  // -t where the command line names none
  milliseconds reconnect_grace{10000};         // a minion whose session ended less than this ago is waited for
  seconds keep_jobs_seconds{86400};            // how long job records and returns can be looked up
  milliseconds max_expires{7LL * 86'400'000};  // the longest --expires
  std::uint64_t max_open_jobs = 10000;
  std::uint64_t max_pending_returns = 65536;  // returns that wait for their commit; beyond it connections are not read
  std::uint64_t event_queue = 4096;           // events that wait per subscriber; a slower one is cut off
  std::vector<std::string> operators;  // user names or numeric uids that may use the operator socket, besides root and the daemon's own

  // State and what goes out.
  StateConfig state;
  OutboxConfig outbox;
  std::vector<ReturnerConfig> returners;
  // Returners that get events too, by name, and which events those are: globs of tags.
  std::vector<std::string> event_return;
  std::vector<std::string> event_return_whitelist;                       // empty: all
  std::vector<std::string> event_return_blacklist{"brine/job/*/ret/*"};  // a return goes to returners as a return
  MetricsConfig metrics;

  // One line each, to be logged: keys that are known but have no effect in this version.
  std::vector<std::string> warnings;
};

// Defaults where there is no file; kNotFound when dir is no folder, kInvalid with all that is wrong, one line each, otherwise.
Result<MasterConfig> load_master_config(const std::string& dir);

// Every key that has an effect, in the order of the reference.
std::vector<Schema::KeyInfo> master_reference();

}  // namespace brine::config
