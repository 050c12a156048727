// A fleet of several masters, their store, minions and operators in one thread, under faults that a seed decides. The same seed gives the
// same run.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/simulation/history.h"
#include "tests/simulation/model_minion.h"
#include "tests/simulation/model_operator.h"
#include "tests/simulation/network.h"
#include "tests/simulation/shared_memory.h"
#include "tests/simulation/simulated_master.h"
#include "tests/simulation/timeline.h"

namespace brine::simulation {

struct Settings {
  std::size_t masters = 3;
  std::size_t minions = 5;
  seconds trouble{25};  // faults and commands
  int faults = 12;
  int commands = 25;
  bool told = false;  // what happens goes to standard output
};

// Larger and smaller fleets, in more and less trouble.
Settings drawn_settings(std::uint64_t seed);

class World {
 public:
  World(std::uint64_t seed, Settings settings);

  // What was wrong; empty: nothing.
  std::vector<std::string> run();
  // Time goes on for all, while somebody waits.
  void meanwhile();

  Timeline time;
  History history;
  SharedMemory server;
  bool server_away = false;
  Network network;
  std::vector<std::unique_ptr<SimulatedMaster>> masters;
  std::vector<std::unique_ptr<ModelMinion>> minions;

 private:
  void pass(microseconds duration);
  void step();
  // Until why_unsettled() is silent, or for so long.
  std::string settle(seconds longest);
  std::string why_unsettled();
  void plan_commands();
  void plan_faults();
  void fault();
  // Begins it now, and ends it later: whatever it was is over after the trouble.
  void for_a_while(const std::string& what, milliseconds longest, std::function<void()> begin, std::function<void()> end);
  void tell(const std::string& what) const;

  const Settings settings_;
  const int percent_;  // of its turns that a part of a master takes
  MonoTime next_tick_{};
  bool somebody_waits_ = false;
  MonoTime trouble_ends_{};
  std::vector<std::unique_ptr<ModelOperator>> operators_;
};

}  // namespace brine::simulation
