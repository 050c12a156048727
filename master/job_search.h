// Runners that look for jobs among the records: jobs.list_jobs, jobs.last_run, jobs.failures.
//
// One call reads a bounded part of the store. What it could not reach is named in its answer, as the `before` of the next one.
#pragma once

#include <functional>
#include <string>

#include "base/clock.h"
#include "master/runners.h"
#include "store/state_store.h"

namespace brine::master {

// A point in time as operators write it: "1h" or "30m" (before now), "2026-11-23", "2026-11-23 03:01" or "2026-11-23 03:01:18" (UTC), or a
// jid. kInvalid: none of these.
Result<UnixMicros> parse_time(const std::string& text, UnixMicros now);

// look_up tells everything about a job. Store and clock must outlive the runners.
void add_job_searches(Runners& runners, const store::StateStore& store, const Clock& clock,
                      const std::function<Result<Json>(const JobId&)>& look_up);

}  // namespace brine::master
