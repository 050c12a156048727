// What came of the jobs of a load: counts and latencies, of the second that runs and of the whole, and a line for each job in a file.
// Confined to one thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/clock.h"
#include "base/file.h"
#include "base/result.h"
#include "loadtest/json.h"
#include "loadtest/latency_histogram.h"

namespace brine::loadtest {

// A job as its sender sees it.
struct LoadJob {
  std::uint64_t number = 0;
  MonoTime intended;  // when it was to be sent, whether or not it could be
  std::string jid;    // empty before it was accepted
  std::uint32_t expected = 0;
  std::uint32_t returned = 0;
  std::uint32_t missing = 0;
};

enum class LoadEnd : std::uint8_t { kFinished, kBusy, kFailed, kLost, kUnfinished };

class LoadTally {
 public:
  // path: the jobs' log; empty: none.
  Status open(const std::string& path);

  void sent() { ++second_.sent; }
  void accepted() { ++second_.accepted; }
  // state: as the master names it, "returned" if all is well.
  void returned(const std::string& state, bool success);
  // Writes the job's line. Only those that finished count for the latency.
  void ended(const LoadJob& job, LoadEnd end, const std::string& why, MonoTime now);

  // The counts of the second, which begins anew.
  Json take_second();
  // After the last take_second().
  Json totals() const;
  Status flush();

 private:
  struct Counts {
    std::uint64_t sent = 0;
    std::uint64_t accepted = 0;
    std::uint64_t busy = 0;
    std::uint64_t failed = 0;      // refused by the master for another reason
    std::uint64_t lost = 0;        // the connection ended before the job did
    std::uint64_t unfinished = 0;  // neither, when the wait was over
    std::uint64_t finished = 0;
    std::uint64_t complete = 0;  // of those: every expected minion returned
    std::uint64_t returns = 0;
    std::uint64_t missing = 0;
    LatencyHistogram latency;
    Json json() const;
  };
  void add_second_to_all();

  Counts second_;
  Counts all_;
  std::map<std::string, std::uint64_t> states_;   // of returns
  std::uint64_t unsuccessful_ = 0;                // returns with a retcode
  std::map<std::string, std::uint64_t> reasons_;  // of jobs that were refused; the first ten texts, numbers left out
  Fd file_;
  std::string lines_;
};

}  // namespace brine::loadtest
