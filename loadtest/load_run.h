// The load itself: jobs sent at times that are fixed in advance (open loop), or one after the other on each connection (closed loop).
//
// A connection carries one job at a time, so `connections` bounds the jobs under way. In an open loop a job for which no connection is
// free waits, and its latency counts from when it was to be sent: a stall of the master is not hidden. Those that were not sent when the
// time is over are counted as unsent. Runs on one thread; ends early at SIGTERM or SIGINT.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "loadtest/load_config.h"
#include "loadtest/load_tally.h"
#include "loadtest/operator_line.h"

namespace brine::loadtest {

class LoadRun {
 public:
  explicit LoadRun(LoadConfig config);

  // kUnavailable when no master listens.
  Status start();
  void run();

 private:
  struct Caller {
    std::unique_ptr<OperatorLine> line;
    bool busy = false;
    bool accepted = false;
    bool finished = false;
    LoadJob job;
    MonoTime connect_at;
  };

  void turn();
  void wait(MonoTime until);
  void send_due(MonoTime now);
  bool is_due(MonoTime now) const;
  MonoTime intended(std::uint64_t number) const;
  bool sending(MonoTime now) const;
  void send(std::size_t index, MonoTime now);
  wire::Submit submission(std::uint64_t number);
  void serve(std::size_t index, MonoTime now);
  void take(std::size_t index, wire::OperatorReply&& reply, MonoTime now);
  void end_job(std::size_t index, LoadEnd end, const std::string& why, MonoTime now);
  void lose(std::size_t index, const Error& error, MonoTime now);
  void connect_all(MonoTime now);
  void look_after(MonoTime now);
  void tell_second(MonoTime now);
  void tell_end();

  const LoadConfig config_;
  const std::uint64_t jobs_;  // to be sent
  const StreamOptions stream_;
  const SystemClock clock_;
  Fd epoll_;
  LoadTally tally_;
  std::vector<Caller> callers_;
  std::vector<std::size_t> free_;  // callers without a job, ready to send
  std::deque<wire::OperatorReply> replies_;
  std::mt19937_64 random_;
  const std::string submission_base_;
  std::uint64_t next_job_ = 0;
  MonoTime begin_;
  MonoTime next_line_;
  MonoTime next_look_;
  std::size_t under_way_ = 0;
  bool stopped_ = false;
};

}  // namespace brine::loadtest
