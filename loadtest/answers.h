// What simulated minions answer: test.ping and test.echo as real ones do, cmd.run with a text of a given size and without a command.
// Everything else is an unknown function, told as a real minion tells it. May be repeated or not: as in the real registry.
// The registry is immutable and shared; chance is confined to one loop.
#pragma once

#include <cstdint>
#include <random>

#include "loadtest/swarm_config.h"
#include "minion/function.h"
#include "minion/ports.h"

namespace brine::loadtest {

class Answers {
 public:
  Answers(const AnswerConfig& config, std::uint64_t seed);

  const minion::Function* find(std::string_view function) const { return registry_.find(function); }
  // How long a job takes from its start: commands as configured, what may be repeated (pings) no time.
  microseconds delay(const minion::JobToRun& job);
  minion::Outcome answer(const minion::JobToRun& job);

 private:
  const AnswerConfig config_;
  minion::Registry registry_;
  std::mt19937_64 random_;
};

}  // namespace brine::loadtest
