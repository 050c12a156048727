// What the command line takes from the master's configuration.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cli/arguments.h"

namespace brine::cli {

struct MasterSettings {
  std::vector<std::string> operator_sockets;  // of this master, then of the others that were named
  std::string event_socket;
  milliseconds timeout{5000};
  milliseconds reconnect_grace{10000};
};

// Without -c, a configuration folder that does not exist means the defaults.
Result<MasterSettings> read_master_settings(const Common& common);

}  // namespace brine::cli
