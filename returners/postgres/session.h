// One connection to a PostgreSQL, by libpq's calls that do not block: a server that hangs holds nobody longer than the deadline.
#pragma once

#include <memory>
#include <span>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/result.h"

struct pg_conn;

namespace brine::returners {

// What the server, or the connection to it, said.
struct SqlError {
  std::string state;  // SQLSTATE, "42P01"; empty when the connection broke, the time was over, or a stop was requested
  std::string message;
  std::string column;      // that it complains of, if it does
  std::string constraint;  // the same
  bool timed_out = false;
};
using SqlStatus = std::expected<void, SqlError>;

// Confined to one thread. After an error without state it is of no more use. A statement that is not over when the session is closed is
// cancelled by the server: it looks once a second (PostgreSQL 14 and newer), and at statement_timeout.
class Session {
 public:
  // Judges a connection string as libpq reads it; kInvalid with what is wrong.
  static Status judge(const std::string& dsn);
  // Connects, in time. timeout: of each statement, on the server's side too. Names of hosts are resolved by the system's resolver, the one
  // step that may take longer.
  static std::expected<Session, SqlError> open(const std::string& dsn, milliseconds timeout, MonoTime deadline,
                                               const std::stop_token& stop);

  // One statement with text parameters ($1, $2, ...), without NUL bytes. It is a transaction of its own: committed when this returns
  // without an error; after an error with a state it is not; otherwise nobody knows.
  SqlStatus execute(const std::string& sql, std::span<const std::string> parameters, MonoTime deadline, const std::stop_token& stop);

 private:
  struct Close {
    void operator()(pg_conn* connection) const;
  };

  explicit Session(pg_conn* connection) : connection_(connection) {}
  SqlStatus connect(MonoTime deadline, const std::stop_token& stop);
  SqlStatus set_up(milliseconds timeout, MonoTime deadline, const std::stop_token& stop);
  SqlStatus flush(MonoTime deadline, const std::stop_token& stop);
  SqlStatus read_results(MonoTime deadline, const std::stop_token& stop);
  SqlStatus wait(short events, MonoTime deadline, const std::stop_token& stop);
  std::unexpected<SqlError> broken() const;

  std::unique_ptr<pg_conn, Close> connection_;
};

}  // namespace brine::returners
