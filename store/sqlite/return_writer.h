// The hot path: returns into entries, returns and progress, inside the transaction of a batch.
//
// Belongs to the writer's thread. Costs two inserts per first return, and one update per job and batch.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "store/job_cache.h"
#include "store/records.h"
#include "store/sqlite/connection.h"
#include "store/sqlite/counters.h"
#include "store/state_store.h"

namespace brine::store::sqlite {

class ReturnWriter {
 public:
  // The connection and the cache must outlive it.
  static Result<ReturnWriter> prepare(const Connection& connection, JobCache& jobs);

  // Raises the counters for what it appends.
  Result<ReturnResult> add(const ReturnRecord& value, Counters& counters);
  Status add_event(const EventRecord& event, Counters& counters);
  // Writes how many returns, and how many failures among them, each job of this batch gained. To be called before COMMIT.
  Status finish_batch();
  // After a rollback.
  void forget_batch() { gained_.clear(); }

 private:
  ReturnWriter(const Connection& connection, JobCache& jobs) : connection_(&connection), jobs_(&jobs) {}

  Result<const KnownJob*> job_of(PackedJid jid);  // null: no such job
  Result<ReturnResult> compare(PackedJid jid, std::uint32_t minion, const ReturnRecord& value);
  Result<ReturnResult> add_late(PackedJid jid, const ReturnRecord& value, Counters& counters);
  Status append(PackedJid jid, const ReturnRecord& value, bool late, std::string_view function, Counters& counters);

  struct Gain {
    std::int64_t returned = 0;
    std::int64_t failed = 0;
  };

  const Connection* connection_;
  JobCache* jobs_;
  std::unordered_map<PackedJid, Gain> gained_;
  Statement find_job_;
  Statement claim_;
  Statement append_;
  Statement stored_;
  Statement orphan_;
  Statement progress_;
};

}  // namespace brine::store::sqlite
