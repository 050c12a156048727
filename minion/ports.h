// What the agent needs from outside beside net/master_session.h's Link and Keepsake. The minion's daemon provides sockets, files and
// threads; the swarm of the load test provides the same for thousands of agents; tests provide fakes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "minion/function.h"

namespace brine::minion {

struct JobToRun {
  JobId jid;
  std::string function;
  std::vector<Json> args;
  std::map<std::string, Json> kwargs;
};

// Runs functions. The result comes back to the agent as on_done().
class Executor {
 public:
  virtual ~Executor() = default;
  // Whether it knows the function, and whether it may be repeated.
  virtual const Function* find(std::string_view function) const = 0;
  // How many more jobs may be started now.
  virtual std::size_t room() const = 0;
  virtual void start(JobToRun job) = 0;
  // Asks everything that runs to end: commands are killed, their jobs end as interrupted.
  virtual void cancel_all() = 0;
};

// The minion's grains at this moment, as one JSON object.
class GrainsSource {
 public:
  virtual ~GrainsSource() = default;
  virtual std::string text() const = 0;
};

// What is told of the master as far as the mine is concerned (minion/mine_keeper.h).
class MineListener {
 public:
  virtual ~MineListener() = default;
  // From now on Agent::tell() reaches a master.
  virtual void session_opened() = 0;
  virtual void session_closed() = 0;  // also when an attempt to open one has failed
  virtual void replied(std::uint32_t number, std::string json, std::string error) = 0;
};

}  // namespace brine::minion
