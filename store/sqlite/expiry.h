// Forgetting: jobs whose time has come, and the outbox that everyone has passed. Inside a transaction of the writer.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/clock.h"
#include "store/sqlite/connection.h"
#include "store/sqlite/counters.h"
#include "store/sqlite/job_cache.h"

namespace brine::store::sqlite {

// The arguments of StateStore::expire().
struct ExpiryRequest {
  UnixMicros now = 0;
  std::size_t max_jobs = 0;
  const std::vector<std::string>& returners;
  UnixMicros outbox_before = 0;
};

class Expiry {
 public:
  // The cache must outlive it.
  static Result<Expiry> prepare(const Connection& connection, JobCache& jobs);

  // How many jobs went. Moves counters.outbox_start; deletes a bounded number of outbox entries per call.
  Result<std::size_t> run(const ExpiryRequest& request, Counters& counters);

 private:
  explicit Expiry(JobCache& jobs) : jobs_(&jobs) {}

  Status trim_outbox(const ExpiryRequest& request, Counters& counters);
  Result<std::int64_t> passed_by_all(const ExpiryRequest& request, const Counters& counters);
  Result<std::int64_t> older_than(UnixMicros before, std::int64_t after);
  Status delete_orphans(std::int64_t up_to);
  Status delete_job(PackedJid jid, std::int64_t feed, std::int64_t outbox_start);

  JobCache* jobs_;
  Statement due_, position_, received_, bytes_, last_orphan_;
  Statement delete_orphan_entries_, delete_orphans_, make_orphans_;
  Statement delete_entries_, delete_returns_, delete_progress_, delete_feed_, delete_job_;
};

}  // namespace brine::store::sqlite
