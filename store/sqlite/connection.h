// SQLite's C interface as values with owners: Connection, Statement, Rows. Nothing of the store's meaning is in here.
//
// A Connection and what was made from it belong to one thread at a time. Statements must be destroyed before their Connection.
// Errors: kCorrupt (damaged or no database), kInvalid (a value is too large), kUnavailable (disk, memory, locks), else kInternal.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace brine::store::sqlite {

// The rows of one execution. Resets the statement when it ends, so that no read transaction outlives it.
//   auto rows = statement.query(a, b);
//   while (rows.next()) use(rows.integer(0));
//   BRINE_TRY(rows.status());
class Rows {
 public:
  explicit Rows(sqlite3_stmt* statement, int bound) : statement_(statement), code_(bound) {}
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;
  ~Rows();

  bool next();
  Status status() const;

  std::int64_t integer(int column) const;
  // Valid until the next call of next() or the end of the Rows.
  std::string_view bytes(int column) const;
  std::string string(int column) const { return std::string(bytes(column)); }
  template <typename T>
  T as(int column) const {
    return static_cast<T>(integer(column));
  }

 private:
  sqlite3_stmt* statement_;
  int code_;
};

// A value that is stored as BLOB rather than TEXT.
struct Blob {
  std::string_view bytes;
};

// A prepared statement. Bound byte strings must live until the call ends (run) or the Rows end (query).
class Statement {
 public:
  Statement() = default;
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  Statement(Statement&& other) noexcept : statement_(other.statement_) { other.statement_ = nullptr; }
  Statement& operator=(Statement&& other) noexcept;
  ~Statement();

  template <typename... Values>
  Rows query(const Values&... values) {
    int column = 0;
    int code = 0;
    ((code = code != 0 ? code : bind(++column, values)), ...);
    return Rows(statement_, code);
  }

  template <typename... Values>
  Status run(const Values&... values) {
    auto rows = query(values...);
    while (rows.next()) continue;
    return rows.status();
  }

 private:
  int bind(int column, std::int64_t value);
  int bind(int column, std::string_view text);
  int bind(int column, Blob blob);

  sqlite3_stmt* statement_ = nullptr;
};

class Connection {
 public:
  enum class Access { kReadOnly, kReadWrite };

  // Never creates the file. vfs may be empty.
  static Result<Connection> open(const std::string& file, Access access, const std::string& vfs);
  Connection(Connection&& other) noexcept : handle_(other.handle_) { other.handle_ = nullptr; }
  Connection& operator=(Connection&&) = delete;
  ~Connection();

  Result<Statement> prepare(std::string_view sql) const;
  // One or several statements without results.
  Status execute(const char* sql) const;
  // The first column of the first row.
  Result<std::int64_t> integer(std::string_view sql) const;
  Result<std::string> text(std::string_view sql) const;

  // Rows that the last INSERT, UPDATE or DELETE changed.
  std::int64_t changes() const;
  sqlite3* handle() const { return handle_; }

 private:
  explicit Connection(sqlite3* handle) : handle_(handle) {}

  sqlite3* handle_;
};

// The error of a result code of this connection.
Error error_of(sqlite3* handle, int code);

}  // namespace brine::store::sqlite
