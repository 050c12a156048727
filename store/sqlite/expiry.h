// Forgetting: jobs whose time has come, and the outbox that everyone has passed. Inside a transaction of the writer.
#pragma once

#include <cstddef>
#include <cstdint>

#include "store/job_cache.h"
#include "store/sqlite/connection.h"
#include "store/sqlite/counters.h"
#include "store/state_store.h"

namespace brine::store::sqlite {

class Expiry {
 public:
  // The cache must outlive it.
  static Result<Expiry> prepare(const Connection& connection, JobCache& jobs);

  // As StateStore::expire(). Moves counters.outbox_start.
  Result<Expired> run(const Retention& retention, Counters& counters);

 private:
  explicit Expiry(JobCache& jobs) : jobs_(&jobs) {}

  struct Cut {
    std::int64_t start = 0;  // all up to here goes
    std::uint64_t dropped = 0;
  };
  Result<std::uint64_t> trim_outbox(const Retention& retention, Counters& counters);
  Result<std::int64_t> passed_by_all(const Retention& retention, const Counters& counters);
  Result<std::int64_t> bytes_up_to(std::int64_t position, const Counters& counters);
  Result<Cut> drop_beyond_bounds(const Retention& retention, const Counters& counters, std::int64_t after);
  Status delete_orphans(std::int64_t up_to);
  Status delete_job(PackedJid jid, std::int64_t feed, std::int64_t outbox_start);

  JobCache* jobs_;
  Statement due_, position_, oldest_, bytes_, last_orphan_;
  Statement delete_orphan_entries_, delete_orphans_, make_orphans_;
  Statement delete_entries_, delete_returns_, delete_progress_, delete_feed_, delete_job_;
};

}  // namespace brine::store::sqlite
