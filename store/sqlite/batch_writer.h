// One batch in one transaction: jobs, then returns, keys, grains, mine, positions, settings.
//
// Owns the writing connection and what belongs to it. Belongs to the ledger's thread. An error of code kUnavailable or kCorrupt
// means that the connection is not to be used again; after any other error the transaction was rolled back and all is as before.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "store/job_cache.h"
#include "store/sqlite/connection.h"
#include "store/sqlite/counters.h"
#include "store/sqlite/expiry.h"
#include "store/sqlite/return_writer.h"
#include "store/sqlite/write_ahead_log.h"
#include "store/sqlite_store.h"
#include "store/state_store.h"

namespace brine::store::sqlite {

class BatchWriter {
 public:
  // Opens the file (which exists), makes or verifies the tables, and empties the write-ahead log into the database.
  static Result<std::unique_ptr<BatchWriter>> open(const std::string& file, const SqliteOptions& options);

  Result<CommitOutcome> commit(const Batch& batch);
  Result<Expired> expire(const Retention& retention);

  WriteAheadLog& log() { return log_; }
  const Connection& connection() const { return connection_; }
  std::uint64_t epoch() const { return counters_.epoch; }
  FeedPosition feed_end() const { return {counters_.epoch, static_cast<std::uint64_t>(counters_.feed_end)}; }

 private:
  explicit BatchWriter(Connection connection) : connection_(std::move(connection)) {}

  Status prepare();
  // Runs the body between BEGIN and COMMIT; rolls back and forgets its caches when it fails.
  template <typename Body>
  auto transaction(Body body) -> decltype(body());
  void roll_back();

  Result<CommitOutcome> apply(const Batch& batch);
  Result<JobResult> publish(const JobRecord& job, JobId& jid);
  Result<PackedJid> jid_of(const SubmissionId& submission);  // kNoJid: unknown
  Result<bool> exists(PackedJid jid);
  Status insert(const JobRecord& job, PackedJid jid, ExpectedSet expected);
  Status apply_tokens(const Batch& batch);
  Status apply_keys(const Batch& batch, CommitOutcome& outcome);
  Result<UseResult> use_token(const KeyRecord& key, const std::string& token);
  Status apply_departures(const Batch& batch, std::vector<bool>& gone);
  Status apply_minions(const Batch& batch);
  Status forget_minion(const MinionId& id);
  Status apply_positions(const Batch& batch);
  Status apply_settings(const Batch& batch);

  static constexpr std::size_t kJobCacheBytes = 8U << 20;

  WriteAheadLog log_;  // before the connection, which reports to it
  Connection connection_;
  JobCache jobs_{kJobCacheBytes};
  Counters counters_;
  std::unique_ptr<CountersRow> counters_row_;
  std::unique_ptr<ReturnWriter> returns_;
  std::unique_ptr<Expiry> expiry_;
  Statement begin_, commit_, rollback_;
  Statement find_submission_, find_job_, insert_job_, insert_progress_, insert_feed_;
  Statement put_token_, delete_token_, use_token_, find_key_, delete_key_of_version_;
  Statement put_mine_, delete_mine_, delete_mine_of_;
  Statement put_key_, delete_key_, put_grains_, delete_grains_, put_journal_, delete_journal_, put_position_, put_setting_, delete_setting_;
};

}  // namespace brine::store::sqlite
