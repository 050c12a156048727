// What brine-load is told at its start. loadtest/README.md lists the keys with their meaning.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace brine::loadtest {

struct TargetConfig {
  // A target as the command line gives it (kind "glob" and so on, with a pattern), or one random minion for each job.
  std::string kind = "glob";
  std::string pattern = "*";
  bool random_minion = false;  // kind "list-random"
  std::string prefix = "sim";
  std::uint32_t first = 0;
  std::uint32_t count = 0;
};

struct LoadConfig {
  std::string operator_socket;
  double seconds = 0;      // open loop: how long jobs are sent
  double rate = 0;         // open loop: jobs per second
  bool closed = false;     // closed loop: each connection sends its next job when the one before has ended
  std::uint64_t jobs = 0;  // closed loop: how many
  TargetConfig target;
  std::string function = "test.ping";
  std::string arguments = R"({"args":[],"kwargs":{}})";
  milliseconds timeout{10'000};  // -t of the command line; the wait at the end is this and half a minute more
  std::uint32_t connections = 64;
  std::uint64_t seed = 1;
  std::string jobs_log;
};

// kInvalid, naming the key, for what it cannot be.
Result<LoadConfig> parse_load_config(std::string_view json);

}  // namespace brine::loadtest
