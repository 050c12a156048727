#include <atomic>
#include <mutex>
#include <utility>

#include "base/crash_point.h"
#include "base/file.h"
#include "store/packed_jid.h"
#include "store/return_spool.h"
#include "store/sqlite/connection.h"
#include "store/sqlite/folder_lock.h"
#include "store/sqlite/write_ahead_log.h"

namespace brine::store {
namespace {

using sqlite::Blob;
using sqlite::Connection;
using sqlite::Statement;

constexpr std::int64_t kApplicationId = 0x62727370;  // "brsp"
constexpr std::size_t kCheckpointPages = 1'000;
constexpr std::size_t kMaxLogPages = 16'384;

constexpr const char* kSettings = "PRAGMA cache_size=-4096; PRAGMA temp_store=MEMORY; PRAGMA cell_size_check=ON";

// AUTOINCREMENT: a position is never used again.
constexpr const char* kTables = R"(
CREATE TABLE returns(
  position INTEGER PRIMARY KEY AUTOINCREMENT, jid INTEGER NOT NULL, minion TEXT NOT NULL, bytes INTEGER NOT NULL, outcome INTEGER NOT NULL,
  retcode INTEGER NOT NULL, success INTEGER NOT NULL, started INTEGER NOT NULL, duration INTEGER NOT NULL, received INTEGER NOT NULL,
  chain BLOB NOT NULL, payload BLOB NOT NULL);
CREATE UNIQUE INDEX returns_by_job ON returns(jid, minion);
)";

// What a row takes, about.
std::int64_t bytes_of(const SpooledReturn& value) {
  return static_cast<std::int64_t>(128 + value.chain.size() + value.record.payload.size());
}

SpooledReturn spooled_of(const sqlite::Rows& rows) {
  SpooledReturn value;
  value.position = rows.as<std::uint64_t>(0);
  value.record.jid = unpack(rows.integer(1));
  value.record.minion = MinionId::trusted(rows.string(2));
  value.record.outcome = rows.as<Outcome>(3);
  value.record.retcode = rows.as<std::int32_t>(4);
  value.record.success = rows.integer(5) != 0;
  value.record.started = rows.integer(6);
  value.record.duration_us = rows.as<std::uint64_t>(7);
  value.record.received = rows.integer(8);
  value.chain = rows.string(9);
  value.record.payload = rows.string(10);
  return value;
}

// The mutex guards everything but the two counts; it is held during a commit.
class SqliteSpool final : public ReturnSpool {
 public:
  SqliteSpool(SpoolOptions options, Fd lock) : options_(std::move(options)), file_(options_.folder + "/spool.db"), lock_(std::move(lock)) {}

  Status open_first() {
    if (auto created = create_file(file_, "", 0600); !created && created.error().code != Code::kExists) return created;
    return reopen();
  }

  Status reopen() override {
    const std::scoped_lock guard(mutex_);
    parts_.reset();
    BRINE_LET(auto connection, Connection::open(file_, Connection::Access::kReadWrite, ""));
    auto parts = std::make_unique<Parts>(std::move(connection));
    BRINE_TRY(parts->open());
    BRINE_TRY(count(*parts));
    parts_ = std::move(parts);
    return {};
  }

  Status write(std::vector<SpooledReturn>& added, const std::vector<std::uint64_t>& erased) override {
    std::uint64_t wanted = 0;
    for (const SpooledReturn& value : added) wanted += static_cast<std::uint64_t>(bytes_of(value));
    if (!added.empty() && bytes_ + wanted > options_.max_bytes) return fail(Code::kFull, "the spool is full (spool.max_bytes)");
    const std::scoped_lock guard(mutex_);
    if (!parts_) return fail(Code::kUnavailable, "the spool in " + options_.folder + " is away");
    const SpoolUsage before = usage();
    auto written = transaction(added, erased);
    if (written && parts_->log.pages() >= kCheckpointPages) written = parts_->log.copy(parts_->connection);
    if (written) return {};
    if (parts_->roll_back.run()) {
      returns_ = before.returns;
      bytes_ = before.bytes;
    }
    parts_.reset();
    return fail(std::move(written.error()), "the spool in " + options_.folder);
  }

  Result<std::vector<SpooledReturn>> after(std::uint64_t position, std::size_t max, std::size_t max_bytes) const override {
    const std::scoped_lock guard(mutex_);
    if (!parts_) return fail(Code::kUnavailable, "the spool in " + options_.folder + " is away");
    std::vector<SpooledReturn> page;
    std::size_t bytes = 0;
    auto rows = parts_->after.query(static_cast<std::int64_t>(position), static_cast<std::int64_t>(max));
    while (bytes < max_bytes && rows.next()) {
      page.push_back(spooled_of(rows));
      bytes += static_cast<std::size_t>(bytes_of(page.back()));
    }
    BRINE_TRY(rows.status());
    return page;
  }

  SpoolUsage usage() const override { return {returns_, bytes_}; }

 private:
  struct Parts {
    explicit Parts(Connection opened) : connection(std::move(opened)) {}
    Connection connection;
    sqlite::WriteAheadLog log;
    Statement begin, commit, roll_back, find, insert, remove, after;

    Status open() {
      BRINE_TRY(connection.execute(kSettings));
      BRINE_TRY(log.attach(connection, kMaxLogPages));
      BRINE_TRY(prepare_tables());
      BRINE_TRY(log.copy_all(connection));
      BRINE_LET(begin, connection.prepare("BEGIN IMMEDIATE"));
      BRINE_LET(commit, connection.prepare("COMMIT"));
      BRINE_LET(roll_back, connection.prepare("ROLLBACK"));
      BRINE_LET(find, connection.prepare("SELECT position FROM returns WHERE jid = ?1 AND minion = ?2"));
      BRINE_LET(insert,
                connection.prepare("INSERT INTO returns(jid, minion, bytes, outcome, retcode, success, started, duration, received, "
                                   "chain, payload) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) RETURNING position"));
      BRINE_LET(remove, connection.prepare("DELETE FROM returns WHERE position = ?1 RETURNING bytes"));
      BRINE_LET(after, connection.prepare("SELECT position, jid, minion, outcome, retcode, success, started, duration, received, chain, "
                                          "payload FROM returns WHERE position > ?1 ORDER BY position LIMIT ?2"));
      return {};
    }

    Status prepare_tables() {
      BRINE_LET(const std::int64_t application, connection.integer("PRAGMA application_id"));
      BRINE_LET(const std::int64_t objects, connection.integer("SELECT count(*) FROM sqlite_schema"));
      if (application == kApplicationId) return {};
      if (application != 0 || objects != 0) return fail(Code::kCorrupt, "spool.db is no spool of brine; move it away");
      const std::string sql =
          "BEGIN IMMEDIATE;" + std::string(kTables) + "PRAGMA application_id=" + std::to_string(kApplicationId) + "; COMMIT";
      return connection.execute(sql.c_str());
    }
  };

  Status count(const Parts& parts) {
    BRINE_LET(const std::int64_t returns, parts.connection.integer("SELECT count(*) FROM returns"));
    BRINE_LET(const std::int64_t bytes, parts.connection.integer("SELECT coalesce(sum(bytes), 0) FROM returns"));
    returns_ = static_cast<std::uint64_t>(returns);
    bytes_ = static_cast<std::uint64_t>(bytes);
    return {};
  }

  Status transaction(std::vector<SpooledReturn>& added, const std::vector<std::uint64_t>& erased) {
    BRINE_TRY(parts_->begin.run());
    for (SpooledReturn& value : added) BRINE_TRY(add(value));
    for (const std::uint64_t position : erased) {
      auto rows = parts_->remove.query(static_cast<std::int64_t>(position));
      while (rows.next()) {
        --returns_;
        bytes_ -= rows.as<std::uint64_t>(0);
      }
      BRINE_TRY(rows.status());
    }
    BRINE_CRASH_POINT("syndic.before_spool_commit");
    BRINE_TRY(parts_->commit.run());
    BRINE_CRASH_POINT("syndic.after_spool_commit");
    return {};
  }

  Status add(SpooledReturn& value) {
    BRINE_LET(const PackedJid jid, pack(value.record.jid));
    const std::string_view minion(value.record.minion.str());
    {
      auto known = parts_->find.query(jid, minion);
      if (known.next()) {
        value.position = known.as<std::uint64_t>(0);
        return known.status();
      }
      BRINE_TRY(known.status());
    }
    const ReturnRecord& record = value.record;
    auto rows = parts_->insert.query(jid, minion, bytes_of(value), static_cast<std::int64_t>(record.outcome), std::int64_t{record.retcode},
                                     std::int64_t{record.success}, record.started, static_cast<std::int64_t>(record.duration_us),
                                     record.received, Blob{value.chain}, Blob{record.payload});
    while (rows.next()) value.position = rows.as<std::uint64_t>(0);
    ++returns_;
    bytes_ += static_cast<std::uint64_t>(bytes_of(value));
    return rows.status();
  }

  const SpoolOptions options_;
  const std::string file_;
  const Fd lock_;
  mutable std::mutex mutex_;
  std::unique_ptr<Parts> parts_;
  std::atomic<std::uint64_t> returns_{0};
  std::atomic<std::uint64_t> bytes_{0};
};

}  // namespace

Result<std::unique_ptr<ReturnSpool>> open_return_spool(const SpoolOptions& options) {
  BRINE_TRY(make_folders(options.folder, 0700));
  BRINE_LET(auto lock, sqlite::lock_folder(options.folder));
  auto spool = std::make_unique<SqliteSpool>(options, std::move(lock));
  if (auto opened = spool->open_first(); !opened) return fail(std::move(opened.error()), "the spool in " + options.folder);
  return spool;
}

}  // namespace brine::store
