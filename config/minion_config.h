// The configuration of a minion: <dir>/minion and <dir>/minion.d/*.conf.
//
// Field names are the keys of the file, sections are structs. Plain values; the defaults are those that hold without a file. Paths are
// final: root_dir has been put in front.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/log.h"
#include "base/result.h"
#include "config/address.h"
#include "config/mine_functions.h"
#include "config/schema.h"
#include "config/shared_keys.h"

namespace brine::config {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Where the minion keeps its journal: jobs it has begun, returns that are not acknowledged.
struct SpoolConfig {
  std::string path;                        // folder; default: <cachedir>/spool
  std::uint64_t max_bytes = 256ULL << 20;  // a full spool refuses new jobs
};

struct MinionConfig {
  std::string conf_dir;  // where it was read from
  MinionId id;           // default: the first line of <conf_dir>/minion_id, else the host name

  // Masters. Every address has its port: its own or master_port.
  std::vector<Address> master;  // default: "brine"
  std::uint16_t master_port = 4506;
  std::string master_finger;         // fingerprint of the cluster's root key; empty: trust on first use
  std::string join_token;            // of the file or of join_token_file; empty: none. Secret
  milliseconds recon_default{1000};  // bounds of the back-off between attempts to connect; plain numbers are milliseconds
  milliseconds recon_max{10000};
  milliseconds rebalance_within{20000};          // to a master that is preferred to the one that serves: a random time up to this
  milliseconds acceptance_wait_time_max{60000};  // the longest that it waits while its key is pending, whatever the master says
  std::uint64_t max_message = 16ULL << 20;       // bytes
  milliseconds heartbeat{5000};                  // silence after which the master is pinged
  milliseconds heartbeat_timeout{12000};         // silence after which the connection is given up

  // Folders and files.
  std::string root_dir = "/";
  std::string pki_dir = "/etc/brine/pki/minion";
  std::string cachedir = "/var/cache/brine/minion";
  std::string sock_dir = "/run/brine/minion";
  log::Level log_level = log::Level::kWarning;
  std::string log_file;  // empty: standard error only
  SpoolConfig spool;

  // Jobs.
  int process_count_max = 8;                  // at once
  std::uint64_t job_queue_max = 1000;         // that wait; beyond it jobs are refused
  std::uint64_t cmd_output_max = 1ULL << 20;  // bytes of a command's output that are kept
  milliseconds shutdown_deadline{10000};      // for what runs, after SIGTERM

  // Grains.
  std::string grains = "{}";                   // JSON object: static grains of the file
  milliseconds grains_refresh_every{600'000};  // 0: only at start and when asked; plain numbers are minutes

  // The mine.
  std::vector<MineFunction> mine_functions;
  milliseconds mine_interval{3'600'000};  // between runs of all of them; plain numbers are minutes

  MetricsConfig metrics;

  // One line each, to be logged: keys that are known but have no effect in this version.
  std::vector<std::string> warnings;
};

// Defaults where there is no file; kNotFound when dir is no folder, kInvalid with all that is wrong, one line each, otherwise.
Result<MinionConfig> load_minion_config(const std::string& dir);

// Every key that has an effect, in the order of the reference.
std::vector<Schema::KeyInfo> minion_reference();

}  // namespace brine::config
