// One batch, in atomic steps: the records of its jobs, their publication, its returns, what is small. Each step is one script; a connection
// that breaks between two leaves those done that were, and all of them bear to be done again.
//
// Owns the writing connection. Belongs to the ledger's thread. After an error of another code than kInvalid the connection is not to be
// used again.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "store/job_cache.h"
#include "store/redis/connection.h"
#include "store/redis/layout.h"
#include "store/redis/scripts.h"
#include "store/redis_store.h"
#include "store/state_store.h"

namespace brine::store::redis {

class BatchWriter {
 public:
  // replicas: that have to confirm what was written before it counts; 0: none. patience: how long they have for it.
  struct Options {
    std::string origin;  // names this process in the news it writes
    std::string epoch;   // of the store that it writes; another one is refused
    int replicas = 0;
    milliseconds patience{3'000};
  };
  static Result<std::unique_ptr<BatchWriter>> open(Connection connection, const Layout& layout, Options options);

  Result<CommitOutcome> commit(const Batch& batch, std::uint64_t epoch);
  Result<Expired> expire(const Retention& retention);

  Connection& connection() { return connection_; }

 private:
  BatchWriter(Connection connection, const Layout& layout, Options options, Scripts scripts);

  struct Prepared {
    std::vector<PackedJid> jids;
    std::vector<ExpectedSet> expected;
  };

  static Result<Prepared> prepare(const Batch& batch);
  Result<std::vector<bool>> claim(const std::vector<JobRecord>& jobs, const std::vector<ExpectedSet>& expected);
  Status publish(const Batch& batch, Prepared& prepared, std::uint64_t epoch, CommitOutcome& outcome);
  Status take_published(const Batch& batch, Prepared& prepared, const std::vector<bool>& claimed, ReplyView answers,
                        CommitOutcome& outcome);
  Status learn_jobs(const std::vector<ReturnRecord>& returns);
  Status add_returns(const std::vector<ReturnRecord>& returns, std::vector<ReturnResult>& results);
  Status add_portion(const std::vector<ReturnRecord>& returns, const std::vector<std::size_t>& places, std::vector<ReturnResult>& results,
                     std::vector<std::size_t>& again);
  Status add_events(const std::vector<EventRecord>& events);
  Status change_tokens(const Batch& batch);
  Status join_keys(const Batch& batch, CommitOutcome& outcome);
  Status remember(const Batch& batch, std::vector<bool>& written);
  Status let_depart(const Batch& batch, std::vector<bool>& gone);
  Status raise_positions(const Batch& batch);
  Status forget_jobs(const Retention& retention, std::size_t& count);
  Result<std::uint64_t> trim_outbox(const Retention& retention);

  static constexpr std::size_t kJobCacheBytes = 8U << 20;

  Connection connection_;
  const Layout& layout_;
  const Options options_;
  Scripts scripts_;
  JobCache jobs_{kJobCacheBytes};
};

}  // namespace brine::store::redis
