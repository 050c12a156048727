// What stores in memory answer to StateStore::list_jobs().
#pragma once

#include <map>
#include <utility>

#include "store/job_query.h"

namespace brine::store {

inline JobPage find_jobs(const JobQuery& query, const std::map<JobId, JobRecord>& jobs,
                         const std::map<std::pair<JobId, MinionId>, ReturnRecord>& returns) {
  const JidRange range = jids_of(query);
  JobSieve sieve(query);
  auto job = range.end.empty() ? jobs.end() : jobs.lower_bound(range.end);
  while (job != jobs.begin() && !((--job)->first < range.first) && sieve.look_at(job->first)) {
    JobSummary summary = summary_of(job->second);
    for (auto entry = returns.lower_bound({job->first, MinionId()}); entry != returns.end() && entry->first.first == job->first; ++entry) {
      ++summary.returned;
      if (is_failure(entry->second)) ++summary.failed;
    }
    sieve.judge(std::move(summary));
  }
  return sieve.take();
}

}  // namespace brine::store
