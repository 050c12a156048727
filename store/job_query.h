// What is asked of the records of jobs, and how an answer is filled within its bounds. Every store answers in the same way: it goes through
// the entries of one index, newest first, and lets a JobSieve judge them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "store/records.h"

namespace brine::store {

// What a list of jobs shows of one.
struct JobSummary {
  JobId jid;
  std::string function;
  std::string arguments;
  std::string target_kind;
  std::string target;
  std::string user;
  UnixMicros issued = 0;
  UnixMicros not_after = 0;
  std::uint32_t expected = 0;
  std::uint32_t returned = 0;
  std::uint32_t failed = 0;  // of the returned: those that is_failure() names
};

// Without its counts of returns.
JobSummary summary_of(const JobRecord& job);

// A return without success. That the target did not match is no failure.
bool is_failure(const ReturnRecord& value);

struct JobQuery {
  enum class Ending : std::uint8_t {
    kAny,
    kFailed,     // some return was a failure
    kSucceeded,  // all expected minions have returned, none of them with a failure
    kMissing,    // some expected minion has not returned
  };

  JobId before;          // only older jobs; empty: from the newest on
  UnixMicros from = 0;   // the time that a jid names: not earlier; 0: any
  UnixMicros until = 0;  // earlier than this; 0: any
  std::string function;  // these three exactly; empty: any
  std::string user;
  std::string target;
  Ending ending = Ending::kAny;
  std::size_t max = 100;               // jobs in one answer; at least 1
  std::size_t max_looked_at = 10'000;  // entries of the index that one call goes through; at least 1
};

struct JobPage {
  std::vector<JobSummary> jobs;  // newest first
  JobId next;                    // JobQuery::before for what follows, of which there may be none; empty: that was all
};

// The jids that a query asks for: first <= jid < end. Empty: open on that side.
struct JidRange {
  JobId first;
  JobId end;
};
JidRange jids_of(const JobQuery& query);

// An index over a text of any length is kept over its beginning; what else begins so is sorted out by the sieve.
constexpr std::size_t kIndexedLength = 128;

// Fills a page from the entries of an index, and ends it at the query's bounds, or when the texts that were looked at reach kMaxBytes.
class JobSieve {
 public:
  static constexpr std::size_t kMaxBytes = 16U << 20;

  // The query must outlive it.
  explicit JobSieve(const JobQuery& query) : query_(query) {}

  // The next entry. False: the page was full before it.
  bool look_at(const JobId& jid);
  // What that entry leads to; left out when the job has gone meanwhile.
  void judge(JobSummary job);
  JobPage take() { return std::move(page_); }

 private:
  bool full() const;
  bool matches(const JobSummary& job) const;

  const JobQuery& query_;
  JobPage page_;
  JobId last_;
  std::size_t looked_at_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace brine::store
