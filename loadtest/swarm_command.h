// What is said to a running swarm: one JSON object per line. loadtest/README.md lists them.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace brine::loadtest {

struct SwarmCommand {
  enum class Kind : std::uint8_t { kJoin, kLeave, kDrop, kDropAll, kHalfOpen, kBlackHole, kSlowReader, kRestart, kFlap, kStop };
  Kind kind = Kind::kStop;
  std::uint32_t count = 0;  // minions: chosen by chance among those that are open
  milliseconds time{0};     // how long; 0: for ever (of flap: how often; 0: no more)
  std::uint64_t bytes_per_second = 0;
};

// kInvalid, saying what is wrong with it.
Result<SwarmCommand> parse_swarm_command(std::string_view line);

}  // namespace brine::loadtest
