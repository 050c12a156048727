#include "returners/postgres/session.h"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <vector>

#include "returners/socket_wait.h"

// As BRINE_TRY.
#define BRINE_TRY_SQL(expr)                                                                           \
  do {                                                                                                \
    if (auto sql_status = (expr); !sql_status) return std::unexpected(std::move(sql_status.error())); \
  } while (false)

namespace brine::returners {
namespace {

struct Clear {
  void operator()(PGresult* result) const { PQclear(result); }
};
using ResultPtr = std::unique_ptr<PGresult, Clear>;

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};

// libpq's messages are lines, with one at the end.
std::string one_line(const char* text) {
  std::string line = text == nullptr ? "" : text;
  while (line.ends_with('\n')) line.pop_back();
  std::ranges::replace(line, '\n', ' ');
  return line;
}

std::string field_of(const PGresult* result, int field) { return one_line(PQresultErrorField(result, field)); }

SqlError error_of(const PGresult* result) {
  return {.state = field_of(result, PG_DIAG_SQLSTATE),
          .message = field_of(result, PG_DIAG_MESSAGE_PRIMARY),
          .column = field_of(result, PG_DIAG_COLUMN_NAME),
          .constraint = field_of(result, PG_DIAG_CONSTRAINT_NAME)};
}

std::size_t hosts_in(const std::string& dsn) {
  char* error = nullptr;
  const std::unique_ptr<PQconninfoOption, FreeOptions> options(PQconninfoParse(dsn.c_str(), &error));
  PQfreemem(error);
  std::size_t commas = 0;
  for (const PQconninfoOption* option = options.get(); option != nullptr && option->keyword != nullptr; ++option) {
    const std::string_view keyword = option->keyword;
    if (option->val != nullptr && (keyword == "host" || keyword == "hostaddr"))
      commas = std::max(commas, static_cast<std::size_t>(std::ranges::count(std::string_view(option->val), ',')));
  }
  return commas + 1;
}

pg_conn* start(const std::string& dsn, milliseconds timeout) {
  // Before dbname: what the operator writes wins. After it: what we rely on.
  const std::string per_host = std::to_string(timeout.count() / static_cast<std::int64_t>(hosts_in(dsn) + 1));
  const std::array keys{"tcp_user_timeout", "fallback_application_name", "dbname", "client_encoding", static_cast<const char*>(nullptr)};
  const std::array values{per_host.c_str(), "brine", dsn.c_str(), "UTF8", static_cast<const char*>(nullptr)};
  return PQconnectStartParams(keys.data(), values.data(), 1);
}

}  // namespace

void Session::Close::operator()(pg_conn* connection) const { PQfinish(connection); }

Status Session::judge(const std::string& dsn) {
  char* error = nullptr;
  const std::unique_ptr<PQconninfoOption, FreeOptions> options(PQconninfoParse(dsn.c_str(), &error));
  const std::string why = one_line(error);
  PQfreemem(error);
  if (options == nullptr) return fail(Code::kInvalid, "'dsn' is no connection string of libpq: " + why);
  return {};
}

std::expected<Session, SqlError> Session::open(const std::string& dsn, milliseconds timeout, MonoTime deadline,
                                               const std::stop_token& stop) {
  Session session(start(dsn, timeout));
  if (session.connection_ == nullptr) return std::unexpected(SqlError{.message = "out of memory"});
  PQsetNoticeProcessor(session.connection_.get(), [](void*, const char*) {}, nullptr);
  BRINE_TRY_SQL(session.connect(deadline, stop));
  BRINE_TRY_SQL(session.set_up(timeout, deadline, stop));
  return session;
}

SqlStatus Session::connect(MonoTime deadline, const std::stop_token& stop) {
  PostgresPollingStatusType next = PQstatus(connection_.get()) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
  while (next != PGRES_POLLING_OK) {
    if (next == PGRES_POLLING_FAILED) return broken();
    BRINE_TRY_SQL(wait(next == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline, stop));
    next = PQconnectPoll(connection_.get());
  }
  if (PQsetnonblocking(connection_.get(), 1) != 0) return broken();
  return {};
}

SqlStatus Session::set_up(milliseconds timeout, MonoTime deadline, const std::stop_token& stop) {
  const std::vector<std::string> milliseconds{std::to_string(timeout.count())};
  BRINE_TRY_SQL(
      execute("SELECT set_config('statement_timeout', $1, false),"
              " CASE WHEN current_setting('synchronous_commit') = 'off' THEN set_config('synchronous_commit', 'local', false) END",
              milliseconds, deadline, stop));
  const SqlStatus set =
      execute("SELECT set_config(name, '1s', false) FROM pg_settings WHERE name = 'client_connection_check_interval'", {}, deadline, stop);
  if (!set && set.error().state.empty()) return set;  // a server that cannot do it refuses: then it is not set
  return {};
}

SqlStatus Session::execute(const std::string& sql, std::span<const std::string> parameters, MonoTime deadline,
                           const std::stop_token& stop) {
  std::vector<const char*> values;
  for (const std::string& parameter : parameters) values.push_back(parameter.c_str());
  if (PQsendQueryParams(connection_.get(), sql.c_str(), static_cast<int>(values.size()), nullptr, values.data(), nullptr, nullptr, 0) != 1)
    return broken();
  BRINE_TRY_SQL(flush(deadline, stop));
  return read_results(deadline, stop);
}

SqlStatus Session::flush(MonoTime deadline, const std::stop_token& stop) {
  while (true) {
    const int left = PQflush(connection_.get());
    if (left == 0) return {};
    if (left < 0) return broken();
    // It is read meanwhile: a server that has something to say does not read on before that is taken.
    BRINE_TRY_SQL(wait(POLLIN | POLLOUT, deadline, stop));
    if (PQconsumeInput(connection_.get()) != 1) return broken();
  }
}

// To the end: an error may follow a success, when the commit fails.
SqlStatus Session::read_results(MonoTime deadline, const std::stop_token& stop) {
  SqlStatus status;
  while (true) {
    while (PQisBusy(connection_.get()) == 1) {
      BRINE_TRY_SQL(wait(POLLIN, deadline, stop));
      if (PQconsumeInput(connection_.get()) != 1) return broken();
    }
    const ResultPtr result(PQgetResult(connection_.get()));
    if (result == nullptr) break;
    const ExecStatusType said = PQresultStatus(result.get());
    if (said != PGRES_COMMAND_OK && said != PGRES_TUPLES_OK && status) status = std::unexpected(error_of(result.get()));
  }
  if (PQstatus(connection_.get()) != CONNECTION_OK) return broken();
  return status;
}

SqlStatus Session::wait(short events, MonoTime deadline, const std::stop_token& stop) {
  auto waited = wait_for_socket(PQsocket(connection_.get()), events, deadline, stop,
                                PQstatus(connection_.get()) == CONNECTION_OK ? "waiting for the server" : "connecting");
  if (waited) return {};
  return std::unexpected(SqlError{.message = std::move(waited.error().message), .timed_out = waited.error().code == Code::kTimeout});
}

std::unexpected<SqlError> Session::broken() const {
  return std::unexpected(SqlError{.message = one_line(PQerrorMessage(connection_.get()))});
}

}  // namespace brine::returners
