// What a minion shows at /metrics, /healthz and /readyz: every family with its name and help, and what is behind it. docs/operations.md
// has the table. A minion without metrics.listen has none of this, and no thread for it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "config/minion_config.h"
#include "metrics/http_server.h"
#include "metrics/loop_watch.h"
#include "metrics/registry.h"
#include "minion/agent_counters.h"
#include "minion/mine_keeper.h"
#include "minion/pool.h"

namespace brine::minion {

class Agent;
class Journal;

// Confined to the minion's main thread, but for what the HTTP server's threads read. What it refers to outlives it.
class MinionMetrics {
 public:
  // Serves at once: not ready yet, says /readyz.
  static Result<std::unique_ptr<MinionMetrics>> open(const config::MinionConfig& config, const Clock& clock, const AgentCounters& counters);
  ~MinionMetrics();

  // Everything else there is to show. Once.
  void declare(const Pool& pool, const MineCounters& mine);
  std::uint16_t port() const { return server_->port(); }

  // Around the work of every turn of the main thread; the time between the two is its lag.
  void turn_begins();
  void turn_ends(const Agent& agent, const Journal& journal);
  // From now on: not ready, the minion is stopping.
  void stopping();

 private:
  MinionMetrics(const config::MinionConfig& config, const Clock& clock, const AgentCounters& counters);
  Status ready() const;
  void say(std::string not_ready);
  void declare_session();
  void declare_jobs(const Pool& pool);
  void declare_journal();
  void declare_mine(const MineCounters& mine);

  const config::MinionConfig& config_;
  const AgentCounters& counters_;
  metrics::LoopWatch loop_watch_;
  metrics::Registry registry_;
  std::vector<std::function<void()>> looks_;  // of the watch, for the end of the turn
  bool stopping_ = false;

  std::atomic<bool> session_{false};
  std::atomic<std::uint64_t> unacknowledged_{0};
  std::atomic<std::uint64_t> spool_bytes_{0};
  mutable std::mutex mutex_;
  std::string not_ready_ = "the minion is starting";  // guarded by mutex_; empty: ready

  std::unique_ptr<metrics::HttpServer> server_;  // reads all of the above
};

}  // namespace brine::minion
