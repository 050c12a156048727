// What an agent counts. Handed to it, so that thousands of agents of one loop can share one; written by their loop, read by anybody.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/duration_histogram.h"
#include "net/master_session.h"

namespace brine::minion {

using net::ConnectFailure;
using net::SessionEnd;

// Why a job was not run, and the master told so; but kInvalid, which is only logged.
enum class JobRefusal : std::uint8_t {
  kInvalid,  // malformed, not signed by a master of the manifest, or not meant for this minion
  kExpired,
  kBusy,
  kJournal,  // it cannot be written down: the spool is full, or the disk fails
  kUnknown,  // the journal is newer than the job
  kNoMatch,  // the target does not match (any more)
};
inline constexpr std::size_t kJobRefusals = 6;

struct AgentCounters {
  using Count = std::atomic<std::uint64_t>;

  void add(ConnectFailure failure) { add(connect_failures[static_cast<std::size_t>(failure)]); }
  void add(SessionEnd end) { add(session_ends[static_cast<std::size_t>(end)]); }
  void add(JobRefusal refusal) { add(jobs_refused[static_cast<std::size_t>(refusal)]); }
  static void add(Count& count) { count.fetch_add(1, std::memory_order_relaxed); }

  Count sessions{0};
  std::array<Count, net::kConnectFailures> connect_failures{};
  std::array<Count, net::kSessionEnds> session_ends{};
  Count jobs_received{0};  // repeated deliveries included
  std::array<Count, kJobRefusals> jobs_refused{};
  Count jobs_succeeded{0};
  Count jobs_failed{0};       // with a retcode other than 0
  Count jobs_interrupted{0};  // by a stop, or by the end of an earlier life
  Count returns_acknowledged{0};
  Count journal_sync_failures{0};
  DurationHistogram job_time{{milliseconds(1), milliseconds(5), milliseconds(25), milliseconds(100), milliseconds(500), milliseconds(2'500),
                              milliseconds(10'000), milliseconds(60'000), milliseconds(600'000), milliseconds(3'600'000)}};
  DurationHistogram journal_sync_time{{microseconds(250), milliseconds(1), microseconds(2'500), milliseconds(5), milliseconds(10),
                                       milliseconds(25), milliseconds(100), milliseconds(500), milliseconds(2'500), milliseconds(10'000)}};
};

}  // namespace brine::minion
