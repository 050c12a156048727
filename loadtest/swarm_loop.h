// One thread of the swarm: an epoll loop with its share of the minions (those whose place in the order of joining is index modulo the
// number of loops).
//
// post() may be called from any thread; everything else belongs to the loop's own thread, "swarm-N". The queue of commands is not
// bounded: a person or a scenario writes them, one line at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <queue>
#include <random>
#include <thread>
#include <vector>

#include "loadtest/simulated_minion.h"
#include "loadtest/swarm_command.h"

namespace brine::loadtest {

// A command's part for one loop.
struct LoopOrder {
  SwarmCommand command;                // count is this loop's share
  std::vector<std::uint32_t> numbers;  // of join: the minions to make
};

class SwarmLoop {
 public:
  SwarmLoop(const SwarmConfig& config, const GrainsTemplate& grains, unsigned index, std::uint64_t seed);
  ~SwarmLoop();

  // kUnavailable when the masters' names, the log or epoll cannot be had. The thread runs when it returns; until a stop is posted.
  Status start();
  void post(LoopOrder order);
  // Orders that have been carried out.
  std::uint64_t orders_done() const { return orders_done_.load(); }
  bool has_stopped() const { return stopped_.load(); }
  void join() { thread_ = {}; }

  const SwarmCounters& counters() const { return counters_; }
  SwarmCounters& counters() { return counters_; }
  ExecutionLog& log() { return log_; }  // after join()

 private:
  struct Later {
    bool operator()(const Execution& a, const Execution& b) const { return a.due != b.due ? a.due > b.due : a.order > b.order; }
  };
  using Timer = std::pair<MonoTime, std::uint32_t>;

  void run();
  void turn();
  void take_orders();
  void carry_out(const LoopOrder& order);
  void admit_due();
  void admit(std::uint32_t number);
  void fire_timers();
  void run_due();
  void touch(std::uint32_t slot);
  void serve_touched();
  void serve(std::uint32_t slot);
  void sweep();
  void on_each(std::uint32_t count, const SwarmCommand& command);
  void apply(const SwarmCommand& command, std::uint32_t slot);
  std::vector<std::uint32_t> choose(std::uint32_t count);
  MonoTime next_event() const;

  const SwarmConfig& config_;
  const unsigned index_;
  const SystemClock clock_;
  SwarmCounters counters_;
  minion::AgentCounters agent_counters_;  // of all; nobody reads them
  minion::MineCounters mine_counters_;    // the same
  ExecutionLog log_;
  LinkSettings links_;
  Answers answers_;
  std::vector<Execution> started_;
  std::deque<std::string> frames_;
  Surroundings around_;
  std::mt19937_64 random_;

  Fd epoll_;
  Fd wake_;
  std::vector<std::unique_ptr<SimulatedMinion>> minions_;  // by slot; slots are not used again
  std::vector<MonoTime> armed_;                            // by slot: the earliest timer in timers_
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
  std::priority_queue<Execution, std::vector<Execution>, Later> executions_;
  std::uint64_t next_order_ = 0;
  std::vector<std::uint32_t> touched_;
  std::vector<bool> is_touched_;
  std::deque<std::uint32_t> waiting_;  // numbers of those that have not joined yet
  MonoTime next_join_;
  MonoTime next_sweep_;
  bool stopping_ = false;

  std::mutex mutex_;
  std::vector<LoopOrder> orders_;  // guarded by mutex_
  std::atomic<std::uint64_t> orders_done_{0};
  std::atomic<bool> stopped_{false};
  std::jthread thread_;
};

}  // namespace brine::loadtest
