// What brine-swarm is told at its start. loadtest/README.md lists the keys with their meaning.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace brine::loadtest {

enum class JournalKind : std::uint8_t { kMemory, kFile };

struct AnswerConfig {
  milliseconds delay_mean{0};  // exponentially distributed
  milliseconds delay_max{0};   // cut off there
  std::size_t bytes = 64;      // of what cmd.run answers
  double failure_ratio = 0;    // of all answers
};

// What each minion publishes in the mine.
struct MineConfig {
  std::uint32_t entries = 0;
  std::size_t bytes = 32;        // of a value
  milliseconds change_every{0};  // one of them, on average; 0: never
};

struct SwarmConfig {
  std::vector<std::string> masters;  // tcp://host:port
  std::string master_finger;
  std::uint32_t count = 0;
  std::uint32_t first = 0;
  std::string id_prefix = "sim";
  std::string join_token;  // that each of them shows; empty: none
  unsigned threads = 1;
  bool source_ips = false;     // from 127.1.0.1 on, 250 minions in each /24
  double ramp_per_second = 0;  // 0: all at once
  std::size_t grains_bytes = 2'048;
  JournalKind journal = JournalKind::kMemory;
  std::string folder;  // of file journals and executions.log; may be empty when journals are in memory
  milliseconds heartbeat{5'000};
  milliseconds heartbeat_timeout{12'000};
  milliseconds recon_default{1'000};
  milliseconds recon_max{10'000};
  milliseconds rebalance_within{20'000};
  AnswerConfig answer;
  MineConfig mine;
  std::uint64_t seed = 0;  // of keys and of chance; 0: drawn
  std::string log_level = "error";
};

// kInvalid, naming the key, for what it cannot be.
Result<SwarmConfig> parse_swarm_config(std::string_view json);

// The id of a minion by its number: what brine-load aims at, too.
std::string minion_name(std::string_view prefix, std::uint64_t number);

}  // namespace brine::loadtest
