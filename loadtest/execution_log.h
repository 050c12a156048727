// Every execution of a job on a simulated minion, so that a checker can compare them with what the master recorded: lines "jid minion" in a
// file that several loops and processes append to, and the count of those that ran twice. "jid minion gone" tells that a minion has left
// for good with this return unsaid, because its link was dead.
//
// Costs 8 bytes of memory for each execution until the end. Each loop has its own object; whole lines are written at once.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/ids.h"
#include "base/result.h"

namespace brine::loadtest {

class ExecutionLog {
 public:
  // An empty folder: nothing is written, executions are only counted.
  Status open(const std::string& folder);

  void add(const JobId& jid, const MinionId& minion, bool repeatable);
  void gone(const JobId& jid, const MinionId& minion);
  // Hands what was added to the kernel. kUnavailable: the disk does not take it; nothing is forgotten, and the next call tries again.
  Status flush();

  // Executions of one job on one minion beyond the first: of functions that may not run twice (a defect), and of those that may
  // (allowed after a restart).
  std::uint64_t doubled() { return beyond_first(once_); }
  std::uint64_t repeated() { return beyond_first(repeatable_); }

 private:
  void write(const JobId& jid, const MinionId& minion, std::string_view end);
  static std::uint64_t beyond_first(std::vector<std::uint64_t>& marks);

  Fd file_;
  std::string lines_;
  std::vector<std::uint64_t> once_;  // hashes of (jid, minion): 64 bits, so two of ten million fall together once in 400,000 runs
  std::vector<std::uint64_t> repeatable_;
};

}  // namespace brine::loadtest
