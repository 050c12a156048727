// Whoever gives one command and waits for it, as `brine` does: the same submission goes to another master when the one asked is gone,
// silent or cannot take it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/clock.h"
#include "engine/job_board.h"
#include "tests/simulation/history.h"

namespace brine::simulation {

class World;

class ModelOperator {
 public:
  ModelOperator(World& world, int number, std::set<MinionId> meant, bool long_lived);

  void begin() { try_somewhere(); }
  bool finished() const { return seen().finished; }

 private:
  class Watch;
  void try_somewhere();
  void try_again(std::uint64_t attempt);
  void look_after(std::size_t master, std::uint64_t life, std::uint64_t attempt);
  Submitted& seen() const;

  World& world_;
  const int number_;
  std::uint64_t attempt_ = 0;
  bool answered_ = false;  // in this attempt
  MonoTime attempted_{};
};

}  // namespace brine::simulation
