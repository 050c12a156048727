// brine-minion: an Agent with a real socket, a real journal, real threads.
//
// Threads: "main" (the loop: agent, channel, journal), "job-N" (functions), and libzmq's two. What functions produce comes back
// through a queue and an eventfd. With metrics.listen, three more that serve /metrics, from the start to the end of the stop.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "config/minion_config.h"
#include "minion/agent.h"
#include "minion/function.h"
#include "minion/grains.h"
#include "minion/journal.h"
#include "minion/mine_desk.h"
#include "minion/minion_metrics.h"
#include "minion/pool.h"
#include "minion/running_jobs.h"
#include "net/channel_link.h"
#include "net/dealer_channel.h"
#include "net/pki_folder.h"

namespace brine::minion {

class Daemon {
 public:
  static Result<std::unique_ptr<Daemon>> start(const config::MinionConfig& config);
  ~Daemon();

  // Runs until stop is requested (SIGTERM) and what was accepted is finished or handed over.
  void run();

 private:
  class PoolExecutor;
  class GrainsText;
  struct Finished {
    JobId jid;
    Outcome outcome;
    UnixMicros started = 0;
    microseconds duration{0};
    bool interrupted = false;
  };

  explicit Daemon(const config::MinionConfig& config);
  Status open_metrics();
  Status open_identity();
  Status open_journal();
  void build_functions();
  Result<std::vector<MineFunction>> mine_functions() const;
  Status build_mine();
  bool start_mine_function(const MineFunction& function);
  Call surroundings();
  Status build_agent();
  Status announce() const;
  void turn();
  void work(const net::DealerChannel::Events& events);
  void take_finished();
  void finish(Finished finished);
  Outcome run_job(const JobToRun& job, const std::shared_ptr<std::atomic<bool>>& cancelled);
  void stop();

  const config::MinionConfig config_;
  SystemClock clock_;
  std::unique_ptr<net::PkiFolder> pki_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<Grains> grains_;
  Registry registry_;
  RunningJobs running_;
  MineCounters mine_counters_;
  std::unique_ptr<MineDesk> mine_;  // outlives the pool, whose functions use it
  const std::shared_ptr<std::atomic<bool>> mine_cancelled_ = std::make_shared<std::atomic<bool>>(false);
  std::unique_ptr<Pool> pool_;
  net::DealerChannel channel_;
  net::ChannelLink link_{channel_};
  std::unique_ptr<PoolExecutor> executor_;
  std::unique_ptr<GrainsText> grains_text_;
  AgentCounters counters_;
  std::unique_ptr<Agent> agent_;
  Fd wake_;
  MonoTime next_compact_{};
  MonoTime next_grains_{};

  std::mutex mutex_;
  std::vector<Finished> finished_;  // guarded by mutex_
  std::atomic<bool> grains_dirty_{false};
  std::atomic<bool> stopping_hard_{false};
  std::unique_ptr<MinionMetrics> metrics_;  // reads all of the above; null without metrics.listen
};

}  // namespace brine::minion
