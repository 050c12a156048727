#include "store/sqlite/write_ahead_log.h"

#include <sqlite3.h>

#include <cstdint>
#include <string>

namespace brine::store::sqlite {
namespace {

constexpr std::int64_t kSynchronousFull = 2;

Status require_durable(const Connection& writer) {
  BRINE_LET(const std::string mode, writer.text("PRAGMA journal_mode"));
  if (mode != "wal") return fail(Code::kUnavailable, "sqlite does not offer a write-ahead log here (journal_mode is " + mode + ")");
  BRINE_LET(const std::int64_t synchronous, writer.integer("PRAGMA synchronous"));
  if (synchronous != kSynchronousFull)
    return fail(Code::kUnavailable,
                "sqlite does not sync at each commit (synchronous is " + std::to_string(synchronous) + ", needed: 2, FULL)");
  return {};
}

}  // namespace

Status WriteAheadLog::attach(const Connection& writer, std::size_t max_pages) {
  BRINE_TRY(writer.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0"));
  BRINE_LET(const std::int64_t page_size, writer.integer("PRAGMA page_size"));
  const std::string limit = "PRAGMA journal_size_limit=" + std::to_string(static_cast<std::int64_t>(max_pages) * page_size);
  BRINE_TRY(writer.execute(limit.c_str()));
  BRINE_TRY(require_durable(writer));
  const auto on_commit = [](void* self, sqlite3*, const char*, int pages) {
    static_cast<WriteAheadLog*>(self)->pages_ = static_cast<std::size_t>(pages);
    return SQLITE_OK;
  };
  sqlite3_wal_hook(writer.handle(), on_commit, this);
  return {};
}

Status WriteAheadLog::copy(const Connection& writer) {
  const int code = sqlite3_wal_checkpoint_v2(writer.handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY) return std::unexpected<Error>(error_of(writer.handle(), code));
  return {};
}

Status WriteAheadLog::copy_all(const Connection& writer) {
  const int code = sqlite3_wal_checkpoint_v2(writer.handle(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
  if (code != SQLITE_OK) return std::unexpected<Error>(error_of(writer.handle(), code));
  pages_ = 0;
  return {};
}

}  // namespace brine::store::sqlite
