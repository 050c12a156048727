// The configuration of a syndic: <dir>/syndic and <dir>/syndic.d/*.conf.
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
#include "config/schema.h"
#include "config/shared_keys.h"

namespace brine::config {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Returns that no master has acknowledged yet.
struct SyndicSpoolConfig {
  std::string path;                      // folder; default: <cachedir>/spool
  std::uint64_t max_bytes = 1ULL << 30;  // a full spool takes no more returns
};

struct SyndicConfig {
  std::string conf_dir;  // where it was read from
  MinionId id;           // default: the host name

  // Upwards. Every address has its port: its own or syndic_master_port.
  std::vector<Address> syndic_master;  // masters, or other syndics; default: "brine"
  std::uint16_t syndic_master_port = 4506;
  std::string master_finger;
  milliseconds recon_default{1000};
  milliseconds recon_max{10000};
  milliseconds rebalance_within{20000};
  milliseconds acceptance_wait_time_max{60000};
  bool compress = true;           // what goes up
  seconds enrolment_cache{3600};  // how long keys that are known are honoured while no master is reached

  // Downwards, as a master's.
  std::string interface = "0.0.0.0";
  std::uint16_t ret_port = 4506;
  std::string ret_ipc;
  int worker_threads = 0;
  std::uint64_t max_message = 16ULL << 20;
  milliseconds heartbeat{5000};
  milliseconds heartbeat_timeout{12000};
  milliseconds handshake_timeout{10000};
  AdmissionConfig admission;
  seconds ticket_life{3600};

  // Folders and files.
  std::string root_dir = "/";
  std::string pki_dir = "/etc/brine/pki/syndic";
  std::string cachedir = "/var/cache/brine/syndic";
  std::string sock_dir = "/run/brine/syndic";
  log::Level log_level = log::Level::kWarning;
  std::string log_file;
  SyndicSpoolConfig spool;
  milliseconds shutdown_deadline{10000};  // for returns that are on their way up, after SIGTERM

  MetricsConfig metrics;

  // One line each, to be logged: keys that are known but have no effect in this version.
  std::vector<std::string> warnings;
};

// Defaults where there is no file; kNotFound when dir is no folder, kInvalid with all that is wrong, one line each, otherwise.
Result<SyndicConfig> load_syndic_config(const std::string& dir);

// Every key that has an effect, in the order of the reference.
std::vector<Schema::KeyInfo> syndic_reference();

}  // namespace brine::config
