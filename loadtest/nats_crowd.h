// Thousands of clients of a NATS server in one process, and one that asks them: the floor under a fleet's messages. Each subscribes to a
// subject of its own and to a common one, and answers whatever comes. Plain text on loopback: no identity, no encryption, nothing stored.
// One epoll set; confined to one thread. Between the calls nothing is read.
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/result.h"
#include "loadtest/latency_histogram.h"
#include "loadtest/nats_text.h"

namespace brine::loadtest {

class NatsCrowd {
 public:
  static constexpr std::size_t kPayload = 64;  // bytes of each question and each answer

  // To 127.0.0.1:port; members connect from 127.1.x.y (link_settings.h).
  NatsCrowd(std::uint16_t port, std::uint32_t count);

  Status start();

  // Opens what is not open, again and again until all are and the server has seen all subscriptions. kTimeout.
  Status connect(seconds patience);

  // One question after the other to a member chosen by chance; the time of each is recorded.
  Status request(std::uint64_t count, LatencyHistogram& latency);

  // One question to all after the other; the time until the last answer is recorded. `at_once` of them are under way.
  Status fan(std::uint64_t count, std::uint64_t at_once, LatencyHistogram& latency);

  // The same for this long: the number of answers in that time.
  Result<std::uint64_t> flood(seconds length, std::uint64_t at_once);

 private:
  struct Peer {
    Fd socket;
    NatsReader reader;
    std::string out;
    bool ready = false;
    bool blocked = false;  // EPOLLOUT is watched: what is in `out` waits for it
    MonoTime open_at;
  };

  bool all_ready() const { return ready_ == peers_.size(); }
  Peer& asker() { return peers_.back(); }
  void reopen(MonoTime now);
  bool open(std::size_t index);
  void close(std::size_t index, std::string why);
  int turn(milliseconds wait);
  void serve(std::size_t index, std::uint32_t events);
  void read(std::size_t index);
  void take(std::size_t index, const NatsEvent& event);
  void flush(std::size_t index);
  void greet(std::size_t index);
  void ask(std::string_view subject, std::uint64_t tag);
  // Turns until `done` says so. kUnavailable when a connection is lost, kTimeout when nothing is heard for a while.
  template <typename Done>
  Status until(Done done);

  const std::uint16_t port_;
  std::vector<Peer> peers_;  // the members, and the one that asks
  std::size_t ready_ = 0;
  std::size_t opening_ = 0;
  std::string lost_;  // why the last connection ended; empty: none did
  Fd epoll_;
  std::vector<char> buffer_ = std::vector<char>(256U << 10);
  std::mt19937_64 random_{1};
  std::uint64_t answers_ = 0;
  std::vector<std::uint64_t> answers_by_tag_ = std::vector<std::uint64_t>(kTags);
  static constexpr std::size_t kTags = 64;  // the most fans under way
};

}  // namespace brine::loadtest
