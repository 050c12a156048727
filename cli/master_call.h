// brine-call with a master: what the call returned is told to it, and can be looked up there like a job's return.
#pragma once

#include <memory>
#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "config/minion_config.h"

namespace brine::cli {

// One call that was made on this minion.
struct CallReport {
  std::string function;
  std::string arguments;  // JSON text {"args": [...], "kwargs": {...}}
  std::string value;      // JSON text
  int retcode = 0;
};

// A session with the minion's master, open before the function runs: a call that could not be told is not made.
class MasterCall {
 public:
  virtual ~MasterCall() = default;
  // The jid under which the master has stored it.
  virtual Result<JobId> report(const CallReport& report) = 0;
};

// kUnsupported: this version cannot; kUnavailable: no master answered; kDenied: the key is not accepted.
Result<std::unique_ptr<MasterCall>> open_master_call(const config::MinionConfig& config);

}  // namespace brine::cli
