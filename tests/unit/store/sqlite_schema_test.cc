#include "store/sqlite/schema.h"

#include <gmock/gmock.h>
#include <sqlite3.h>

#include <array>
#include <memory>

#include "base/bytes.h"
#include "store/expected_set.h"
#include "store/packed_jid.h"
#include "store/sqlite/job_queries.h"
#include "store/sqlite_store.h"
#include "tests/unit/store/contract.h"
#include "tests/unit/store/scratch_folder.h"

namespace brine::store {
namespace {

using sqlite::Connection;
using sqlite::kJobQueries;
using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr const char* kSchema1 = R"(
CREATE TABLE counters(
  only INTEGER PRIMARY KEY CHECK (only = 1), epoch INTEGER NOT NULL, last_jid INTEGER NOT NULL DEFAULT 0,
  feed_end INTEGER NOT NULL DEFAULT 0, outbox_start INTEGER NOT NULL DEFAULT 0, outbox_end INTEGER NOT NULL DEFAULT 0,
  outbox_start_bytes INTEGER NOT NULL DEFAULT 0, outbox_end_bytes INTEGER NOT NULL DEFAULT 0);
CREATE TABLE settings(name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE grains(id TEXT PRIMARY KEY, json BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE journals(id TEXT PRIMARY KEY, epoch INTEGER NOT NULL, sequence INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE returners(name TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE keys(
  id TEXT NOT NULL, denied INTEGER NOT NULL, state INTEGER NOT NULL, public_key BLOB NOT NULL, number INTEGER NOT NULL,
  version INTEGER NOT NULL, changed INTEGER NOT NULL, attempts INTEGER NOT NULL, signer BLOB NOT NULL, signature BLOB NOT NULL,
  PRIMARY KEY (id, denied)) WITHOUT ROWID;
CREATE TABLE jobs(
  jid INTEGER PRIMARY KEY, submission BLOB NOT NULL, feed INTEGER NOT NULL, issued INTEGER NOT NULL, not_after INTEGER NOT NULL,
  forget_at INTEGER NOT NULL, uid INTEGER NOT NULL, expected_count INTEGER NOT NULL, function TEXT NOT NULL, user TEXT NOT NULL,
  target_kind TEXT NOT NULL, target TEXT NOT NULL, arguments TEXT NOT NULL, signature BLOB NOT NULL, signed_job BLOB NOT NULL,
  expected BLOB NOT NULL);
CREATE UNIQUE INDEX jobs_by_submission ON jobs(submission);
CREATE INDEX jobs_by_end ON jobs(not_after);
CREATE INDEX jobs_by_forget_at ON jobs(forget_at);
CREATE TABLE progress(jid INTEGER PRIMARY KEY, returned INTEGER NOT NULL);
CREATE TABLE feed(counter INTEGER PRIMARY KEY, jid INTEGER NOT NULL);
CREATE TABLE entries(
  position INTEGER PRIMARY KEY, bytes_up_to_here INTEGER NOT NULL, received INTEGER NOT NULL, jid INTEGER NOT NULL,
  late INTEGER NOT NULL, outcome INTEGER NOT NULL, retcode INTEGER NOT NULL, success INTEGER NOT NULL, started INTEGER NOT NULL,
  duration INTEGER NOT NULL, minion TEXT NOT NULL, function TEXT NOT NULL, payload BLOB NOT NULL);
CREATE TABLE returns(
  jid INTEGER NOT NULL, minion INTEGER NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (jid, minion)) WITHOUT ROWID;
CREATE TABLE orphans(position INTEGER PRIMARY KEY);
)";

class Database {
 public:
  explicit Database(const std::string& file) { EXPECT_EQ(sqlite3_open(file.c_str(), &handle_), SQLITE_OK); }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database() { sqlite3_close(handle_); }

  void run(const std::string& sql) {
    EXPECT_EQ(sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(handle_) << " in " << sql;
  }

 private:
  sqlite3* handle_ = nullptr;
};

std::string blob(std::string_view bytes) { return "X'" + to_hex(bytes) + "'"; }

void put_job(Database& database, int number, const JobRecord& job) {
  const std::string jid = std::to_string(*pack(job.jid));
  database.run("INSERT INTO jobs VALUES(" + jid + "," + blob(as_view(job.submission.bytes)) + "," + std::to_string(number) + ",1,2,3,0," +
               std::to_string(job.expected.size()) + ",'" + job.function + "','" + job.user + "','glob','" + job.target +
               "','{}',x'',x''," + blob(ExpectedSet::from(job.expected)->encode()) + ")");
  database.run("INSERT INTO feed VALUES(" + std::to_string(number) + "," + jid + ")");
  database.run("INSERT INTO progress VALUES(" + jid + ",0)");
}

void put_return(Database& database, int position, int job, int place, Outcome outcome, bool success) {
  const std::string jid = std::to_string(*pack(jid_number(job)));
  const std::string at = std::to_string(position);
  database.run("INSERT INTO entries VALUES(" + at + ",0,1600," + jid + ",0," + std::to_string(static_cast<int>(outcome)) + ",0," +
               (success ? "1" : "0") + ",1,1,'m','cmd.run',x'')");
  database.run("INSERT INTO returns VALUES(" + jid + "," + std::to_string(place) + "," + at + ")");
  database.run("UPDATE progress SET returned = returned + 1 WHERE jid = " + jid);
}

// A store as version 1 left it: job 1 with two failures of four returns, job 2 with a return that succeeded.
void make_schema_1(const std::string& folder) {
  Database database(folder + "/state.db");
  database.run(kSchema1);
  database.run("INSERT INTO counters(only, epoch, feed_end, outbox_end, last_jid) VALUES(1, 77, 2, 5, " +
               std::to_string(*pack(jid_number(2))) + ")");
  database.run("PRAGMA application_id=1651665262; PRAGMA user_version=1");
  put_job(database, 1, make_job(1, minions({"a", "b", "c", "d"})));
  put_job(database, 2, make_job(2, minions({"a"})));
  put_return(database, 1, 1, 0, Outcome::kReturned, false);
  put_return(database, 2, 1, 1, Outcome::kNoMatch, false);
  put_return(database, 3, 1, 2, Outcome::kReturned, true);
  put_return(database, 4, 1, 3, Outcome::kInterrupted, false);
  put_return(database, 5, 2, 0, Outcome::kReturned, true);
}

std::unique_ptr<StateStore> open_in(const std::string& folder) { return value_of(open_sqlite_store({.folder = folder})); }

// Of tables and indexes; blanks do not count.
std::string structure_of(const std::string& folder) {
  const auto connection = Connection::open(folder + "/state.db", Connection::Access::kReadOnly, "");
  std::string all =
      value_of(connection->text("SELECT group_concat(line, ';') FROM (SELECT name || ':' || (SELECT group_concat(name || ' ' "
                                "|| type || ' ' || \"notnull\" || ' ' || pk) FROM pragma_table_info(s.name)) AS line "
                                "FROM sqlite_schema s WHERE type = 'table' ORDER BY name)"));
  return all + value_of(connection->text("SELECT group_concat(sql, ';') FROM (SELECT sql FROM sqlite_schema WHERE type = 'index' AND sql "
                                         "IS NOT NULL ORDER BY name)"));
}

TEST(SqliteSchema, AStoreOfSchema1IsOpenedAndItsFailuresAreCounted) {
  ScratchFolder scratch;
  make_schema_1(scratch.path());
  const auto store = open_in(scratch.path());
  ASSERT_NE(store, nullptr);
  EXPECT_EQ(store->epoch(), 77U);
  const auto failed = value_of(store->list_jobs({.ending = JobQuery::Ending::kFailed}));
  ASSERT_EQ(failed.jobs.size(), 1U);
  EXPECT_EQ(failed.jobs[0].jid, jid_number(1));
  EXPECT_EQ(failed.jobs[0].returned, 4U);
  EXPECT_EQ(failed.jobs[0].failed, 2U);
  EXPECT_EQ(value_of(store->list_jobs({.function = "cmd.run"})).jobs.size(), 2U);
  EXPECT_EQ(value_of(store->job(jid_number(1)))->expected, minions({"a", "b", "c", "d"}));
}

TEST(SqliteSchema, AMigratedStoreIsBuiltLikeANewOne) {
  ScratchFolder old, fresh;
  make_schema_1(old.path());
  open_in(old.path());
  open_in(fresh.path());
  EXPECT_EQ(structure_of(old.path()), structure_of(fresh.path()));
}

TEST(SqliteSchema, AMigratedStoreCountsOn) {
  ScratchFolder scratch;
  make_schema_1(scratch.path());
  for (const int number : {3, 4}) {  // the second time it is opened as it is
    const auto store = open_in(scratch.path());
    Batch batch;
    batch.jobs.push_back(make_job(number, minions({"a"})));
    batch.returns.push_back(make_return(number, "a"));
    batch.returns[0].success = false;
    value_of(store->commit(batch));
  }
  EXPECT_EQ(value_of(open_in(scratch.path())->list_jobs({.ending = JobQuery::Ending::kFailed})).jobs.size(), 3U);
}

TEST(SqliteSchema, AMigrationThatFailsChangesNothing) {
  ScratchFolder scratch;
  make_schema_1(scratch.path());
  Database(scratch / "state.db").run("CREATE TABLE progress_of_failures(x)");  // what the last step wants to make
  const auto opened = open_sqlite_store({.folder = scratch.path()});
  ASSERT_FALSE(opened.has_value());
  EXPECT_THAT(opened.error().message, HasSubstr("cannot be brought to schema 3"));
  const auto connection = Connection::open(scratch / "state.db", Connection::Access::kReadOnly, "");
  EXPECT_EQ(value_of(connection->integer("PRAGMA user_version")), 1);
  EXPECT_EQ(value_of(connection->integer("SELECT count(*) FROM pragma_table_info('progress') WHERE name = 'failed'")), 0);
  EXPECT_EQ(value_of(connection->integer("SELECT count(*) FROM sqlite_schema WHERE name = 'jobs_by_user'")), 0);
}

TEST(SqliteSchema, NoQueryForJobsWalksThroughATableOrSorts) {
  ScratchFolder scratch;
  const auto store = open_in(scratch.path());
  const auto connection = Connection::open(scratch / "state.db", Connection::Access::kReadOnly, "");
  for (const char* query : kJobQueries) {
    auto explained = value_of(connection->prepare("EXPLAIN QUERY PLAN " + std::string(query)));
    std::vector<std::string> steps;
    auto rows = explained.query();
    while (rows.next()) steps.push_back(rows.string(3));
    EXPECT_THAT(steps, Not(IsEmpty())) << query;
    EXPECT_THAT(steps, Each(HasSubstr("SEARCH"))) << query;
  }
}

}  // namespace
}  // namespace brine::store
