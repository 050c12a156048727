// The whole swarm: its loops, what is said to it on standard input, and what it says on standard output.
//
// Runs on the main thread. Ends at {"do":"stop"}, at SIGTERM or SIGINT, and when standard input ends (whoever drove it has gone).
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "loadtest/swarm_loop.h"

namespace brine::loadtest {

class Swarm {
 public:
  explicit Swarm(SwarmConfig config);

  // kInvalid for more minions than there may be files, kUnavailable for what the machine does not give.
  Status start();
  // Returns when all have left.
  void run();

 private:
  struct Totals;

  Status raise_file_limit() const;
  void read_input();
  void obey(const std::string& line);
  void post(const SwarmCommand& command);
  void join(const SwarmCommand& command);
  bool orders_carried_out() const;
  bool all_stopped() const;
  bool wait_for_input() const;
  Totals totals() const;
  void tell_ready();
  void tell_progress();
  void tell_end();

  SwarmConfig config_;
  const SystemClock clock_;
  const MonoTime begin_;
  GrainsTemplate grains_;
  std::vector<std::unique_ptr<SwarmLoop>> loops_;
  std::string input_;
  bool input_open_ = true;
  bool stopping_ = false;
  bool told_ready_ = false;
  std::uint64_t orders_posted_ = 0;
  std::uint32_t next_number_;
  std::size_t next_loop_ = 0;
  MonoTime next_line_;
};

}  // namespace brine::loadtest
