// The door: handshakes wait in lanes, so that minions that come back are not kept out by strangers, and no storm of either starves
// the sessions that are open. Ticket holders first, then known keys (a cookie), then unknown keys; only the last lane is limited
// per source network. What does not fit is answered "busy, retry after" before any asymmetric operation.
// Confined to one loop.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "net/face.h"
#include "net/handshake.h"

namespace brine::front {

struct AdmissionOptions {
  std::array<std::size_t, 3> lane_capacity{16'384, 16'384, 2'048};  // ticket, known, unknown
  double unknown_per_second = 200;                                  // per source network
  double unknown_burst = 1'000;
  std::size_t handshakes_per_turn = 8;  // about 1 ms of asymmetric cryptography between two looks at the open sessions
};

class Admission {
 public:
  explicit Admission(AdmissionOptions options) : options_(options) {}

  using Lane = net::ServerHandshake::Lane;
  // False: refuse, busy.
  bool enqueue(Lane lane, net::ConnectionId connection, const std::string& network, MonoTime now);
  // The next one to serve; false if nobody waits.
  bool next(net::ConnectionId& connection);
  std::size_t waiting() const;
  std::size_t waiting(Lane lane) const { return lanes_[static_cast<std::size_t>(lane)].size(); }
  std::size_t per_turn() const { return options_.handshakes_per_turn; }
  // What to tell those who are refused: grows with the queue, jittered.
  milliseconds retry_after() const;

 private:
  struct Bucket {
    double tokens = 0;
    MonoTime filled{};
  };
  bool spend_token(const std::string& network, MonoTime now);

  const AdmissionOptions options_;
  std::array<std::deque<net::ConnectionId>, 3> lanes_;
  std::unordered_map<std::string, Bucket> buckets_;
};

}  // namespace brine::front
