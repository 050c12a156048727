#include "store/sqlite/connection.h"

#include <sqlite3.h>

#include <cstring>
#include <utility>

namespace brine::store::sqlite {
namespace {

constexpr int kBusyTimeoutMs = 2000;

Code code_of(int code) {
  switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return Code::kCorrupt;
    case SQLITE_TOOBIG: return Code::kInvalid;
    case SQLITE_IOERR: return code == SQLITE_IOERR_CORRUPTFS ? Code::kCorrupt : Code::kUnavailable;
    case SQLITE_FULL:
    case SQLITE_CANTOPEN:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_NOMEM:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_PROTOCOL:
    case SQLITE_NOLFS: return Code::kUnavailable;
    default: return Code::kInternal;
  }
}

const char* not_null(std::string_view bytes) { return bytes.data() == nullptr ? "" : bytes.data(); }

}  // namespace

Error error_of(sqlite3* handle, int code) {
  std::string message = "sqlite: ";
  message += handle == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(handle);
  message += " (" + std::to_string(code) + ")";
  if (const int number = handle == nullptr ? 0 : sqlite3_system_errno(handle); number != 0 && (code & 0xff) != SQLITE_CORRUPT) {
    char buffer[128];
    message += ": ";
    message += strerror_r(number, buffer, sizeof buffer);
  }
  return Error{code_of(code), std::move(message)};
}

Rows::~Rows() { sqlite3_reset(statement_); }

bool Rows::next() {
  if (code_ != SQLITE_OK && code_ != SQLITE_ROW) return false;
  code_ = sqlite3_step(statement_);
  return code_ == SQLITE_ROW;
}

Status Rows::status() const {
  if (code_ == SQLITE_OK || code_ == SQLITE_ROW || code_ == SQLITE_DONE) return {};
  return std::unexpected<Error>(error_of(sqlite3_db_handle(statement_), code_));
}

std::int64_t Rows::integer(int column) const { return sqlite3_column_int64(statement_, column); }

std::string_view Rows::bytes(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
  return {static_cast<const char*>(data), size};
}

Statement& Statement::operator=(Statement&& other) noexcept {
  std::swap(statement_, other.statement_);
  return *this;
}

Statement::~Statement() { sqlite3_finalize(statement_); }

int Statement::bind(int column, std::int64_t value) { return sqlite3_bind_int64(statement_, column, value); }

int Statement::bind(int column, std::string_view text) {
  return sqlite3_bind_text64(statement_, column, not_null(text), text.size(), SQLITE_STATIC, SQLITE_UTF8);
}

int Statement::bind(int column, Blob blob) {
  return sqlite3_bind_blob64(statement_, column, not_null(blob.bytes), blob.bytes.size(), SQLITE_STATIC);
}

Result<Connection> Connection::open(const std::string& file, Access access, const std::string& vfs) {
  const int flags =
      SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | (access == Access::kReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(file.c_str(), &handle, flags, vfs.empty() ? nullptr : vfs.c_str());
  Connection connection(handle);
  if (code != SQLITE_OK) return fail(error_of(handle, code), "cannot open " + file);
  sqlite3_busy_timeout(handle, kBusyTimeoutMs);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  // Closing never writes: after a failed sync that would be the retry that must not be.
  sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  return connection;
}

Connection::~Connection() { sqlite3_close_v2(handle_); }

Result<Statement> Connection::prepare(std::string_view sql) const {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return std::unexpected<Error>(error_of(handle_, code));
  return Statement(statement);
}

Status Connection::execute(const char* sql) const {
  const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return std::unexpected<Error>(error_of(handle_, code));
  return {};
}

Result<std::int64_t> Connection::integer(std::string_view sql) const {
  BRINE_LET(auto statement, prepare(sql));
  auto rows = statement.query();
  const std::int64_t value = rows.next() ? rows.integer(0) : 0;
  BRINE_TRY(rows.status());
  return value;
}

Result<std::string> Connection::text(std::string_view sql) const {
  BRINE_LET(auto statement, prepare(sql));
  auto rows = statement.query();
  std::string value = rows.next() ? rows.string(0) : std::string();
  BRINE_TRY(rows.status());
  return value;
}

std::int64_t Connection::changes() const { return sqlite3_changes64(handle_); }

}  // namespace brine::store::sqlite
