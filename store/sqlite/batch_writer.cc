#include "store/sqlite/batch_writer.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "store/sqlite/rows.h"
#include "store/sqlite/schema.h"

namespace brine::store::sqlite {
namespace {

constexpr const char* kWriterSettings =
    "PRAGMA cache_size=-16384; PRAGMA temp_store=MEMORY; PRAGMA secure_delete=FAST; PRAGMA cell_size_check=ON; PRAGMA foreign_keys=OFF";

std::string_view bytes_of(const SubmissionId& submission) { return as_view(submission.bytes); }

}  // namespace

Result<std::unique_ptr<BatchWriter>> BatchWriter::open(const std::string& file, const SqliteOptions& options) {
  BRINE_LET(auto connection, Connection::open(file, Connection::Access::kReadWrite, options.vfs));
  std::unique_ptr<BatchWriter> writer(new BatchWriter(std::move(connection)));
  BRINE_TRY(writer->connection_.execute(kWriterSettings));
  BRINE_TRY(writer->log_.attach(writer->connection_, options.max_wal_pages));
  BRINE_TRY(prepare_schema(writer->connection_));
  BRINE_TRY(writer->log_.copy_all(writer->connection_));
  BRINE_TRY(writer->prepare());
  return writer;
}

Status BatchWriter::prepare() {
  BRINE_LET(auto counters_row, CountersRow::prepare(connection_));
  counters_row_ = std::make_unique<CountersRow>(std::move(counters_row));
  BRINE_LET(auto returns, ReturnWriter::prepare(connection_, jobs_));
  returns_ = std::make_unique<ReturnWriter>(std::move(returns));
  BRINE_LET(auto expiry, Expiry::prepare(connection_, jobs_));
  expiry_ = std::make_unique<Expiry>(std::move(expiry));
  BRINE_LET(counters_, counters_row_->read());

  BRINE_LET(begin_, connection_.prepare("BEGIN IMMEDIATE"));
  BRINE_LET(commit_, connection_.prepare("COMMIT"));
  BRINE_LET(rollback_, connection_.prepare("ROLLBACK"));
  BRINE_LET(find_submission_, connection_.prepare("SELECT jid FROM jobs WHERE submission = ?1"));
  BRINE_LET(find_job_, connection_.prepare("SELECT 1 FROM jobs WHERE jid = ?1"));
  BRINE_LET(insert_job_, connection_.prepare("INSERT INTO jobs(" BRINE_JOB_COLUMNS ", feed, expected_count) "
                                             "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)"));
  BRINE_LET(insert_progress_, connection_.prepare("INSERT INTO progress(jid, returned, failed) VALUES(?1, 0, 0)"));
  BRINE_LET(insert_feed_, connection_.prepare("INSERT INTO feed(counter, jid) VALUES(?1, ?2)"));
  BRINE_LET(put_token_, connection_.prepare("INSERT OR IGNORE INTO tokens(" BRINE_TOKEN_COLUMNS ") "
                                            "VALUES(?1, ?2, ?3, ?4, ?5, 0, ?6, ?7, ?8, ?9)"));
  BRINE_LET(delete_token_, connection_.prepare("DELETE FROM tokens WHERE id = ?1"));
  BRINE_LET(use_token_, connection_.prepare("UPDATE tokens SET used = used + 1 WHERE id = ?1 AND used < uses"));
  BRINE_LET(find_key_, connection_.prepare("SELECT " BRINE_KEY_COLUMNS " FROM keys WHERE id = ?1 AND denied = 0"));
  BRINE_LET(delete_key_of_version_, connection_.prepare("DELETE FROM keys WHERE id = ?1 AND denied = 0 AND version = ?2"));
  BRINE_LET(put_key_, connection_.prepare(
                          "INSERT INTO keys(" BRINE_KEY_COLUMNS ", denied) "
                          "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) "
                          "ON CONFLICT(id, denied) DO UPDATE SET state = excluded.state, public_key = excluded.public_key, "
                          "number = excluded.number, version = excluded.version, changed = excluded.changed, "
                          "attempts = excluded.attempts, signer = excluded.signer, signature = excluded.signature, kind = excluded.kind "
                          "WHERE excluded.version > keys.version"));
  BRINE_LET(delete_key_, connection_.prepare("DELETE FROM keys WHERE id = ?1 AND denied = ?2"));
  BRINE_LET(put_grains_, connection_.prepare("INSERT OR REPLACE INTO grains(id, json) VALUES(?1, ?2)"));
  BRINE_LET(delete_grains_, connection_.prepare("DELETE FROM grains WHERE id = ?1"));
  BRINE_LET(put_journal_, connection_.prepare("INSERT OR REPLACE INTO journals(id, epoch, sequence) VALUES(?1, ?2, ?3)"));
  BRINE_LET(delete_journal_, connection_.prepare("DELETE FROM journals WHERE id = ?1"));
  BRINE_LET(put_mine_, connection_.prepare("INSERT OR REPLACE INTO mine(id, name, value, allow, changed) VALUES(?1, ?2, ?3, ?4, ?5)"));
  BRINE_LET(delete_mine_, connection_.prepare("DELETE FROM mine WHERE id = ?1 AND name = ?2"));
  BRINE_LET(delete_mine_of_, connection_.prepare("DELETE FROM mine WHERE id = ?1"));
  BRINE_LET(put_position_, connection_.prepare("INSERT INTO returners(name, position) VALUES(?1, ?2) ON CONFLICT(name) DO UPDATE "
                                               "SET position = excluded.position WHERE excluded.position > returners.position"));
  BRINE_LET(put_setting_, connection_.prepare("INSERT OR REPLACE INTO settings(name, value) VALUES(?1, ?2)"));
  BRINE_LET(delete_setting_, connection_.prepare("DELETE FROM settings WHERE name = ?1"));
  return {};
}

template <typename Body>
auto BatchWriter::transaction(Body body) -> decltype(body()) {
  const Counters before = counters_;
  BRINE_TRY(begin_.run());
  auto result = body();
  if (result && counters_ != before) {
    if (auto written = counters_row_->write(counters_); !written) result = std::unexpected<Error>(written.error());
  }
  if (result) {
    BRINE_CRASH_POINT("store.before_commit");
    if (auto committed = commit_.run(); !committed) result = std::unexpected<Error>(committed.error());
  }
  if (!result) {
    counters_ = before;
    roll_back();
    return result;
  }
  BRINE_CRASH_POINT("store.after_commit");
  return result;
}

void BatchWriter::roll_back() {
  if (auto rolled_back = rollback_.run(); !rolled_back) log::debug("sqlite had rolled back by itself: {}", rolled_back.error().message);
  returns_->forget_batch();
  jobs_.clear();
}

Result<CommitOutcome> BatchWriter::commit(const Batch& batch) {
  return transaction([&] { return apply(batch); });
}

Result<Expired> BatchWriter::expire(const Retention& retention) {
  return transaction([&] { return expiry_->run(retention, counters_); });
}

Result<CommitOutcome> BatchWriter::apply(const Batch& batch) {
  CommitOutcome outcome;
  outcome.jobs.reserve(batch.jobs.size());
  outcome.jids.reserve(batch.jobs.size());
  outcome.returns.reserve(batch.returns.size());
  outcome.feed_before = feed_end();
  for (const JobRecord& job : batch.jobs) {
    JobId jid = job.jid;
    BRINE_LET(const JobResult result, publish(job, jid));
    outcome.jobs.push_back(result);
    outcome.jids.push_back(std::move(jid));
  }
  for (const ReturnRecord& value : batch.returns) {
    BRINE_LET(const ReturnResult result, returns_->add(value, counters_));
    outcome.returns.push_back(result);
  }
  for (const EventRecord& event : batch.events) BRINE_TRY(returns_->add_event(event, counters_));
  BRINE_TRY(returns_->finish_batch());
  BRINE_TRY(apply_tokens(batch));
  BRINE_TRY(apply_keys(batch, outcome));
  BRINE_TRY(apply_departures(batch, outcome.departures));
  BRINE_TRY(apply_minions(batch));
  BRINE_TRY(apply_positions(batch));
  BRINE_TRY(apply_settings(batch));
  outcome.feed_end = feed_end();
  return outcome;
}

Result<JobResult> BatchWriter::publish(const JobRecord& job, JobId& jid) {
  BRINE_LET(const PackedJid packed, pack(job.jid));
  BRINE_LET(const PackedJid first, jid_of(job.submission));
  if (first != kNoJid) {
    jid = unpack(first);
    return JobResult::kRepeated;
  }
  BRINE_LET(const bool taken, exists(packed));
  if (taken) return JobResult::kJidExists;
  BRINE_LET(auto expected, ExpectedSet::from(job.expected));
  BRINE_TRY(insert(job, packed, std::move(expected)));
  return JobResult::kPublished;
}

Result<PackedJid> BatchWriter::jid_of(const SubmissionId& submission) {
  auto rows = find_submission_.query(Blob{bytes_of(submission)});
  const PackedJid jid = rows.next() ? rows.integer(0) : kNoJid;
  BRINE_TRY(rows.status());
  return jid;
}

Result<bool> BatchWriter::exists(PackedJid jid) {
  auto rows = find_job_.query(jid);
  const bool found = rows.next();
  BRINE_TRY(rows.status());
  return found;
}

Status BatchWriter::insert(const JobRecord& job, PackedJid jid, ExpectedSet expected) {
  const std::string encoded = expected.encode();
  const std::int64_t counter = ++counters_.feed_end;
  BRINE_TRY(insert_job_.run(jid, Blob{bytes_of(job.submission)}, std::string_view(job.function), std::string_view(job.arguments),
                            std::string_view(job.target_kind), std::string_view(job.target), std::string_view(job.user),
                            std::int64_t{job.uid}, job.issued, job.not_after, Blob{job.signed_job}, Blob{job.signature}, job.forget_at,
                            Blob{encoded}, counter, static_cast<std::int64_t>(job.expected.size())));
  BRINE_TRY(insert_progress_.run(jid));
  BRINE_TRY(insert_feed_.run(counter, jid));
  counters_.last_jid = std::max(counters_.last_jid, jid);
  jobs_.put(KnownJob{jid, job.function, std::move(expected)});
  return {};
}

Status BatchWriter::apply_tokens(const Batch& batch) {
  for (const TokenRecord& token : batch.tokens) {
    BRINE_TRY(put_token_.run(std::string_view(token.id), Blob{token.secret_hash}, std::string_view(token.match),
                             static_cast<std::int64_t>(token.kind), std::int64_t{token.uses}, token.created, token.not_after,
                             Blob{token.signer}, Blob{token.signature}));
  }
  return {};
}

Result<UseResult> BatchWriter::use_token(const KeyRecord& key, const std::string& token) {
  {
    auto rows = find_key_.query(std::string_view(key.id.str()));
    const bool found = rows.next();
    BRINE_TRY(rows.status());
    if (found) {
      const KeyRecord held = key_of(rows);
      if (held.version >= key.version) return UseResult::kKeyKept;
      if (held.state == KeyState::kAccepted && held.public_key == key.public_key) return UseResult::kRepeated;
      if (held.state != KeyState::kPending) return UseResult::kKeyKept;
    }
  }
  BRINE_TRY(use_token_.run(std::string_view(token)));
  return connection_.changes() > 0 ? UseResult::kCounted : UseResult::kNoneLeft;
}

Status BatchWriter::apply_departures(const Batch& batch, std::vector<bool>& gone) {
  for (const Departure& departure : batch.departures) {
    BRINE_TRY(delete_key_of_version_.run(std::string_view(departure.id.str()), static_cast<std::int64_t>(departure.key_version)));
    gone.push_back(connection_.changes() > 0);
    if (gone.back()) BRINE_TRY(forget_minion(departure.id));
  }
  return {};
}

Status BatchWriter::apply_keys(const Batch& batch, CommitOutcome& outcome) {
  auto use = batch.token_uses.begin();
  for (std::size_t i = 0; i < batch.keys.size(); ++i) {
    const KeyRecord& key = batch.keys[i];
    if (use != batch.token_uses.end() && use->key == i) {
      BRINE_LET(const UseResult result, use_token(key, (use++)->token));
      outcome.token_uses.push_back(result);
      if (result == UseResult::kKeyKept || result == UseResult::kNoneLeft) {
        outcome.keys.push_back(false);
        continue;
      }
    }
    BRINE_TRY(put_key_.run(std::string_view(key.id.str()), static_cast<std::int64_t>(key.state), Blob{key.public_key},
                           std::int64_t{key.index}, static_cast<std::int64_t>(key.version), key.changed, std::int64_t{key.attempts},
                           Blob{key.signer}, Blob{key.signature}, static_cast<std::int64_t>(key.kind),
                           std::int64_t{key.state == KeyState::kDenied}));
    outcome.keys.push_back(connection_.changes() > 0);
  }
  for (const std::string& id : batch.forgotten_tokens) BRINE_TRY(delete_token_.run(std::string_view(id)));
  for (const auto& [id, denied] : batch.forgotten_keys) BRINE_TRY(delete_key_.run(std::string_view(id.str()), std::int64_t{denied}));
  return {};
}

Status BatchWriter::apply_minions(const Batch& batch) {
  for (const GrainsRecord& grains : batch.grains) BRINE_TRY(put_grains_.run(std::string_view(grains.id.str()), Blob{grains.json}));
  for (const JournalMark& mark : batch.journals) {
    BRINE_TRY(
        put_journal_.run(std::string_view(mark.id.str()), static_cast<std::int64_t>(mark.epoch), static_cast<std::int64_t>(mark.sequence)));
  }
  for (const MineRecord& entry : batch.mine) {
    BRINE_TRY(
        put_mine_.run(std::string_view(entry.id.str()), std::string_view(entry.name), Blob{entry.value}, Blob{entry.allow}, entry.changed));
  }
  for (const auto& [id, name] : batch.forgotten_mine) BRINE_TRY(delete_mine_.run(std::string_view(id.str()), std::string_view(name)));
  for (const MinionId& id : batch.forgotten_minions) BRINE_TRY(forget_minion(id));
  return {};
}

Status BatchWriter::forget_minion(const MinionId& id) {
  BRINE_TRY(delete_grains_.run(std::string_view(id.str())));
  BRINE_TRY(delete_journal_.run(std::string_view(id.str())));
  return delete_mine_of_.run(std::string_view(id.str()));
}

Status BatchWriter::apply_positions(const Batch& batch) {
  for (const auto& [returner, position] : batch.returner_positions) {
    const auto end = static_cast<std::uint64_t>(counters_.outbox_end);
    BRINE_TRY(put_position_.run(std::string_view(returner), static_cast<std::int64_t>(std::min(position, end))));
  }
  return {};
}

Status BatchWriter::apply_settings(const Batch& batch) {
  for (const auto& [name, value] : batch.settings) {
    BRINE_TRY(value.empty() ? delete_setting_.run(std::string_view(name)) : put_setting_.run(std::string_view(name), Blob{value}));
  }
  return {};
}

}  // namespace brine::store::sqlite
