// What the command line takes from the master's configuration.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "cli/arguments.h"

namespace brine::cli {

struct MasterSettings {
  std::string operator_socket;
  std::string event_socket;
  milliseconds timeout{5000};
  milliseconds reconnect_grace{10000};
};

// Without -c, a configuration folder that does not exist means the defaults.
Result<MasterSettings> read_master_settings(const Common& common);

}  // namespace brine::cli
