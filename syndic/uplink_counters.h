// What the session upwards counts. Written by the main thread, read by anybody.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "net/master_session.h"

namespace brine::syndic {

struct UplinkCounters {
  void add(net::ConnectFailure failure) { ++connect_failures[static_cast<std::size_t>(failure)]; }
  void add(net::SessionEnd end) { ++session_ends[static_cast<std::size_t>(end)]; }

  std::atomic<std::uint64_t> sessions{0};
  std::array<std::atomic<std::uint64_t>, net::kConnectFailures> connect_failures{};
  std::array<std::atomic<std::uint64_t>, net::kSessionEnds> session_ends{};
};

}  // namespace brine::syndic
