// One minion of the swarm: a real minion::Agent with its own key, trust, journal, grains and connection. What is simulated is the
// machine around it: functions answer without a command, and files may be memory.
//
// A restart destroys the agent and builds it again on the same journal, key, manifest and cookie: a process that was killed and started.
// Confined to its loop.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "loadtest/answers.h"
#include "loadtest/execution_log.h"
#include "loadtest/grains_template.h"
#include "loadtest/swarm_config.h"
#include "loadtest/swarm_counters.h"
#include "loadtest/swarm_link.h"
#include "minion/agent.h"
#include "minion/mine_keeper.h"

namespace brine::loadtest {

// A job that runs on a simulated minion.
struct Execution {
  MonoTime due;
  std::uint64_t order = 0;  // among those that are due at the same time
  std::uint32_t slot = 0;
  std::uint32_t life = 0;  // of the minion: what was started before a restart has ended with it
  UnixMicros started = 0;
  minion::JobToRun job;
};

// What the minions of one loop share.
struct Surroundings {
  const SwarmConfig& config;
  const Clock& clock;
  const GrainsTemplate& grains;
  LinkSettings& links;
  Answers& answers;
  ExecutionLog& log;
  SwarmCounters& counters;
  minion::AgentCounters& agent_counters;
  minion::MineCounters& mine_counters;
  std::vector<Execution>& started;  // the loop takes them from here
  std::deque<std::string>& frames;  // lent for one event
};

class SimulatedMinion final : private net::Link, minion::Executor, minion::GrainsSource, net::Keepsake {
 public:
  SimulatedMinion(Surroundings& surroundings, std::uint32_t slot, std::uint32_t number);
  ~SimulatedMinion() override;

  // Opens the journal and builds the agent; it connects in its first turn.
  Status start();

  void on_ready(std::uint32_t events);
  void on_due(Execution& execution);
  // What is to be done without an event; returns when it wants to be called again.
  MonoTime turn();

  // ---- faults ----
  void drop();
  Status restart();
  void leave();
  void half_open(MonoTime until);   // as if the whole machine stood still
  void black_hole(MonoTime until);  // as if only the network did
  void read_slowly(std::size_t bytes_per_second) { link_.read_slowly(bytes_per_second); }
  void flap(milliseconds every);

  bool is_open() const { return agent_ && agent_->state() == minion::Agent::State::kOpen; }
  bool is_frozen() const { return frozen_until_.has_value(); }
  bool is_leaving() const { return leave_by_.has_value(); }
  // It has left, and can be destroyed.
  bool has_left() const { return left_; }

 private:
  struct Outstanding {
    JobId jid;
    std::size_t bytes;
  };

  // net::Link
  void connect(const std::string& endpoint) override;
  void disconnect() override { link_.disconnect(); }
  bool send(std::string_view frame) override;
  // minion::Executor
  const minion::Function* find(std::string_view function) const override { return around_.answers.find(function); }
  std::size_t room() const override;
  void start(minion::JobToRun job) override;
  void cancel_all() override {}
  // minion::GrainsSource
  std::string text() const override { return around_.grains.text(id_.str(), number_); }
  // net::Keepsake: the manifest is kept in trust_, which outlives the agent.
  void keep_manifest(const std::string&) override {}
  void keep_cookie(const std::string& cookie) override { cookie_ = cookie; }

  Status open_journal();
  Status build_agent();
  void build_mine();
  void publish_mine(std::uint32_t entry);
  void tick_mine(MonoTime now);
  void end_life();
  void take(SwarmLink::Events events);
  void look_at(std::string_view frame);
  void note_outcome(const JobId& jid);
  void note_acknowledgements();
  void note_state();
  void compact(MonoTime now);
  MonoTime next_turn() const;
  void note_gone();

  Surroundings& around_;
  const std::uint32_t slot_;
  const std::uint32_t number_;
  const MinionId id_;
  const net::SigningKey key_;
  net::Trust trust_;
  std::string cookie_;
  std::unique_ptr<minion::Journal> journal_;
  SwarmLink link_;
  std::unique_ptr<minion::MineKeeper> mine_;  // outlives the agent; null: it publishes nothing
  std::optional<minion::Agent> agent_;
  std::vector<Outstanding> outstanding_;  // returns in the journal that are not acknowledged
  std::uint32_t life_ = 0;
  std::uint32_t running_ = 0;
  minion::Agent::State counted_ = minion::Agent::State::kWaiting;  // as what it is counted now
  bool resumed_ = false;                                           // the handshake that is under way
  bool ended_by_us_ = false;                                       // the session whose end is counted next
  bool left_ = false;
  std::optional<MonoTime> leave_by_;
  std::optional<MonoTime> frozen_until_;
  milliseconds flap_every_{0};
  MonoTime next_flap_;
  MonoTime next_compact_;
  MonoTime next_mine_change_ = MonoTime::max();
  std::uint64_t mine_changes_ = 0;
};

}  // namespace brine::loadtest
