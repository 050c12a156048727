#include "store/sqlite/schema.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <utility>

#include "base/log.h"
#include "store/job_query.h"

namespace brine::store::sqlite {
namespace {

constexpr std::int64_t kApplicationId = 0x6272696e;  // "brin"

constexpr const char* kTables = R"(
CREATE TABLE counters(
  only INTEGER PRIMARY KEY CHECK (only = 1), epoch INTEGER NOT NULL, last_jid INTEGER NOT NULL DEFAULT 0,
  feed_end INTEGER NOT NULL DEFAULT 0, outbox_start INTEGER NOT NULL DEFAULT 0, outbox_end INTEGER NOT NULL DEFAULT 0,
  outbox_start_bytes INTEGER NOT NULL DEFAULT 0, outbox_end_bytes INTEGER NOT NULL DEFAULT 0);
CREATE TABLE settings(name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE grains(id TEXT PRIMARY KEY, json BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE journals(id TEXT PRIMARY KEY, epoch INTEGER NOT NULL, sequence INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE mine(
  id TEXT NOT NULL, name TEXT NOT NULL, value BLOB NOT NULL, allow BLOB NOT NULL, changed INTEGER NOT NULL,
  PRIMARY KEY (id, name)) WITHOUT ROWID;
CREATE TABLE returners(name TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE keys(
  id TEXT NOT NULL, denied INTEGER NOT NULL, state INTEGER NOT NULL, public_key BLOB NOT NULL, number INTEGER NOT NULL,
  version INTEGER NOT NULL, changed INTEGER NOT NULL, attempts INTEGER NOT NULL, signer BLOB NOT NULL, signature BLOB NOT NULL,
  kind INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (id, denied)) WITHOUT ROWID;
CREATE TABLE jobs(
  jid INTEGER PRIMARY KEY, submission BLOB NOT NULL, feed INTEGER NOT NULL, issued INTEGER NOT NULL, not_after INTEGER NOT NULL,
  forget_at INTEGER NOT NULL, uid INTEGER NOT NULL, expected_count INTEGER NOT NULL, function TEXT NOT NULL, user TEXT NOT NULL,
  target_kind TEXT NOT NULL, target TEXT NOT NULL, arguments TEXT NOT NULL, signature BLOB NOT NULL, signed_job BLOB NOT NULL,
  expected BLOB NOT NULL);
CREATE UNIQUE INDEX jobs_by_submission ON jobs(submission);
CREATE INDEX jobs_by_end ON jobs(not_after);
CREATE INDEX jobs_by_forget_at ON jobs(forget_at);
CREATE TABLE progress(jid INTEGER PRIMARY KEY, returned INTEGER NOT NULL, failed INTEGER NOT NULL DEFAULT 0);
CREATE TABLE feed(counter INTEGER PRIMARY KEY, jid INTEGER NOT NULL);
CREATE TABLE entries(
  position INTEGER PRIMARY KEY, bytes_up_to_here INTEGER NOT NULL, received INTEGER NOT NULL, jid INTEGER NOT NULL,
  late INTEGER NOT NULL, outcome INTEGER NOT NULL, retcode INTEGER NOT NULL, success INTEGER NOT NULL, started INTEGER NOT NULL,
  duration INTEGER NOT NULL, minion TEXT NOT NULL, function TEXT NOT NULL, payload BLOB NOT NULL);
CREATE TABLE returns(
  jid INTEGER NOT NULL, minion INTEGER NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (jid, minion)) WITHOUT ROWID;
CREATE TABLE orphans(position INTEGER PRIMARY KEY);
)";

constexpr const char* kTokens = R"(
CREATE TABLE tokens(
  id TEXT PRIMARY KEY, secret_hash BLOB NOT NULL, match TEXT NOT NULL, kind INTEGER NOT NULL, uses INTEGER NOT NULL, used INTEGER NOT NULL,
  created INTEGER NOT NULL, not_after INTEGER NOT NULL, signer BLOB NOT NULL, signature BLOB NOT NULL) WITHOUT ROWID;
)";

constexpr const char* kJobIndexes = R"(
CREATE INDEX jobs_by_function ON jobs(function);
CREATE INDEX jobs_by_user ON jobs(user);
CREATE INDEX jobs_by_target ON jobs(substr(target, 1, 128));
CREATE INDEX progress_of_failures ON progress(jid) WHERE failed > 0;
)";

// Outcome 3 is kNoMatch.
constexpr const char* kCountFailures = R"(
ALTER TABLE progress ADD COLUMN failed INTEGER NOT NULL DEFAULT 0;
UPDATE progress SET failed = (
  SELECT count(*) FROM returns r JOIN entries e ON e.position = r.position
  WHERE r.jid = progress.jid AND e.success = 0 AND e.outcome <> 3);
)";
constexpr const char* kFrom2 = R"(
ALTER TABLE keys ADD COLUMN kind INTEGER NOT NULL DEFAULT 0;
CREATE TABLE mine(
  id TEXT NOT NULL, name TEXT NOT NULL, value BLOB NOT NULL, allow BLOB NOT NULL, changed INTEGER NOT NULL,
  PRIMARY KEY (id, name)) WITHOUT ROWID;
)";
static_assert(static_cast<int>(Outcome::kNoMatch) == 3);
static_assert(kIndexedLength == 128);

Result<std::int64_t> random_epoch() {
  std::int64_t epoch = 0;
  while (epoch == 0) {
    if (::getrandom(&epoch, sizeof epoch, 0) != static_cast<ssize_t>(sizeof epoch)) return fail_errno("cannot draw a random number", errno);
  }
  return epoch;
}

Status create(const Connection& writer) {
  BRINE_LET(const std::int64_t epoch, random_epoch());
  const std::string sql = "BEGIN IMMEDIATE;" + std::string(kTables) + kTokens + kJobIndexes +
                          "INSERT INTO counters(only, epoch) VALUES(1, " + std::to_string(epoch) +
                          "); PRAGMA application_id=" + std::to_string(kApplicationId) +
                          "; PRAGMA user_version=" + std::to_string(kSchemaVersion) + "; COMMIT";
  return writer.execute(sql.c_str());
}

Status migrate(const Connection& writer, std::int64_t from) {
  log::info("the store has schema {}: it is brought to {}, which may take a moment", from, kSchemaVersion);
  const std::string from_1 = from == 1 ? std::string(kCountFailures) + kJobIndexes : "";
  const std::string sql =
      "BEGIN IMMEDIATE;" + from_1 + kFrom2 + kTokens + "PRAGMA user_version=" + std::to_string(kSchemaVersion) + "; COMMIT";
  auto migrated = writer.execute(sql.c_str());
  if (migrated) return {};
  if (auto rolled_back = writer.execute("ROLLBACK"); !rolled_back)
    log::debug("sqlite had rolled back by itself: {}", rolled_back.error().message);
  return fail(std::move(migrated.error()), "the store cannot be brought to schema " + std::to_string(kSchemaVersion));
}

}  // namespace

Status prepare_schema(const Connection& writer) {
  BRINE_LET(const std::int64_t application, writer.integer("PRAGMA application_id"));
  BRINE_LET(const std::int64_t version, writer.integer("PRAGMA user_version"));
  BRINE_LET(const std::int64_t objects, writer.integer("SELECT count(*) FROM sqlite_schema"));
  if (application == 0 && version == 0 && objects == 0) return create(writer);
  if (application != kApplicationId)
    return fail(Code::kCorrupt, "this database was not made by brine; move it away or set another state.path");
  if (version > kSchemaVersion)
    return fail(Code::kUnsupported, "the store has schema " + std::to_string(version) + ", this brine knows up to " +
                                        std::to_string(kSchemaVersion) + ": it was used by a newer brine; install that one");
  if (version >= 1 && version < kSchemaVersion) return migrate(writer, version);
  if (version != kSchemaVersion) return fail(Code::kCorrupt, "the store names schema " + std::to_string(version) + ", which never was");
  return {};
}

}  // namespace brine::store::sqlite
