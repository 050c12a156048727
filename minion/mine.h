// What this minion publishes, as functions see it (minion/modules/mine.cc). docs/mine.md is for users.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "minion/function.h"

namespace brine::minion {

// One of the configured mine_functions.
struct MineFunction {
  std::string name;      // under which it is published
  std::string function;  // that makes the value
  std::vector<Json> args;
  std::map<std::string, Json> kwargs;
  std::string allow;  // mine/access.h
};

struct MineQuestion {
  std::string target_kind;
  std::string target;
  std::string name;
};

// Called by functions, on the threads of the pool; blocks until the minion's loop has done it.
class Mine {
 public:
  virtual ~Mine() = default;
  virtual const std::vector<MineFunction>& functions() const = 0;
  // kFull, kInvalid: what cannot be published (mine/limits.h). by_hand: stays until it is deleted, over restarts too.
  virtual Status publish(const std::string& name, const Json& value, const std::string& allow, bool by_hand) = 0;
  // Without a name: all. False: there was none of that name.
  virtual Result<bool> remove(const std::string& name) = 0;
  virtual Result<std::size_t> remove_all() = 0;
  // What other minions (and this one) have published and this one may read: an object {id: value}.
  // kUnavailable: no session with a master. kTimeout: no answer.
  virtual Result<Json> get(const MineQuestion& question, const std::atomic<bool>& cancelled) = 0;
};

// Runs one of the configured functions as a job would be run. An Error: it failed; the message is what it said.
Result<Json> run_mine_function(const MineFunction& function, const Call& surroundings);

}  // namespace brine::minion
