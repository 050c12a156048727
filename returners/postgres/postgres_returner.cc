#include "returners/postgres/postgres_returner.h"

#include <algorithm>
#include <optional>

#include "returners/postgres/session.h"
#include "returners/postgres/statements.h"

namespace brine::returners {
namespace {

constexpr std::size_t kMostBytes = 16U << 20;  // of records in one transaction; and one record more
constexpr std::size_t kMostRows = 100'000;

constexpr std::string_view kUndefinedTable = "42P01";
constexpr std::string_view kNotNullViolation = "23502";
constexpr std::string_view kCheckViolation = "23514";
constexpr std::string_view kQueryCanceled = "57014";

// Of the record, and not of the table: a column of somebody else's that must not be null, or a partition that is not there, refuses every
// record (PostgreSQL, appendix A: Error Codes).
bool is_for_content(const SqlError& error) {
  if (error.state == kNotNullViolation) return error.column == "return" || error.column == "data";
  if (error.state == kCheckViolation) return !error.constraint.empty();
  return error.state.starts_with("22") || error.state.starts_with("23") || error.state.starts_with("54");
}

bool took_too_long(const SqlError& error) { return error.timed_out || error.state == kQueryCanceled; }

std::string_view hint_for(const std::string& state) {
  if (state == kUndefinedTable) return "; create it (docs/returners.md shows how), or set create_tables: true";
  if (state == "3F000") return "; create the schema";
  if (state == "42703") return "; the table is not that of docs/returners.md";
  if (state == "42501") return "; the role needs INSERT on both tables, and CREATE on their schema if it is to make them";
  if (state == "25006") return "; the server takes no writes: is it a standby? (target_session_attrs=read-write in 'dsn')";
  if (state == kNotNullViolation) return "; brine does not write this column: give it a default";
  return "";
}

class PostgresReturner final : public Returner {
 public:
  PostgresReturner(const config::PostgresReturnerConfig& config, Tables tables) : config_(config), tables_(std::move(tables)) {}

  Delivery deliver(std::span<const Record> records, const std::stop_token& stop) override {
    Attempt attempt{std::chrono::steady_clock::now() + config_.timeout, stop, {}};
    Delivery& delivery = attempt.delivery;
    while (delivery.settled < records.size() && delivery.status) {
      const auto rest = records.subspan(delivery.settled);
      if (std::string why = unacceptable(rest.front()); !why.empty())
        refuse(delivery, std::move(why));
      else
        deliver_rows(rest.first(rows_of_next_transaction(rest)), attempt);
    }
    return std::move(delivery);
  }

 private:
  // One call of deliver().
  struct Attempt {
    MonoTime deadline;
    const std::stop_token& stop;
    Delivery delivery;
  };

  std::size_t rows_of_next_transaction(std::span<const Record> records) const {
    std::size_t rows = 0;
    std::size_t bytes = 0;
    while (rows < records.size() && rows < most_rows_ && bytes < kMostBytes && unacceptable(records[rows]).empty())
      bytes += records[rows++].json.size();
    return rows;
  }

  // Settles these, or as many of them as can be; what is refused for its content is halved until it is alone.
  void deliver_rows(std::span<const Record> rows, Attempt& attempt) {
    const auto inserted = insert(rows, false, attempt);
    if (inserted) {
      attempt.delivery.settled += rows.size();
      most_rows_ = std::min(most_rows_ * 2, kMostRows);
    } else if (!is_for_content(inserted.error())) {
      give_up(inserted.error(), rows.size(), attempt);
    } else if (rows.size() == 1) {
      deliver_plain(rows, attempt);
    } else {
      const std::size_t half = rows.size() / 2;
      deliver_rows(rows.first(half), attempt);
      if (attempt.delivery.status) deliver_rows(rows.subspan(half), attempt);
    }
  }

  // Without jsonb: it does not take all that is JSON.
  void deliver_plain(std::span<const Record> row, Attempt& attempt) {
    const auto inserted = insert(row, true, attempt);
    if (inserted) {
      ++attempt.delivery.settled;
    } else if (is_for_content(inserted.error())) {
      refuse(attempt.delivery, inserted.error().message + " (SQLSTATE " + inserted.error().state + ")");
    } else {
      give_up(inserted.error(), 1, attempt);
    }
  }

  SqlStatus insert(std::span<const Record> rows, bool plain, const Attempt& attempt) {
    const Insert insert = insert_of(rows, tables_, plain);
    auto inserted = execute(insert.sql, insert.parameters, attempt);
    if (inserted || inserted.error().state != kUndefinedTable || !config_.create_tables) return inserted;
    for (const std::string& create : create_statements(tables_)) {
      if (auto created = execute(create, {}, attempt); !created && !was_created_by_another(created.error())) return created;
    }
    return execute(insert.sql, insert.parameters, attempt);
  }

  // Two masters that begin together.
  static bool was_created_by_another(const SqlError& error) {
    return error.state == "42P07" || error.state == "23505" || error.state == "42710";
  }

  SqlStatus execute(const std::string& sql, std::span<const std::string> parameters, const Attempt& attempt) {
    if (!session_) {
      auto session = Session::open(config_.dsn, config_.timeout, attempt.deadline, attempt.stop);
      if (!session) return std::unexpected(std::move(session.error()));
      session_ = std::move(*session);
    }
    return session_->execute(sql, parameters, attempt.deadline, attempt.stop);
  }

  void give_up(const SqlError& error, std::size_t rows, Attempt& attempt) {
    session_.reset();
    if (took_too_long(error)) most_rows_ = std::max<std::size_t>(1, rows / 2);
    const std::string state = error.state.empty() ? "" : " (SQLSTATE " + error.state + ")";
    attempt.delivery.status = fail(Code::kUnavailable, "PostgreSQL: " + error.message + state + std::string(hint_for(error.state)));
  }

  static void refuse(Delivery& delivery, std::string why) {
    delivery.refused.push_back({delivery.settled, std::move(why)});
    ++delivery.settled;
  }

  const config::PostgresReturnerConfig config_;
  const Tables tables_;
  std::size_t most_rows_ = kMostRows;  // of a transaction: halved when one takes longer than the timeout
  std::optional<Session> session_;
};

}  // namespace

Result<std::unique_ptr<Returner>> open_postgres_returner(const config::PostgresReturnerConfig& config) {
  BRINE_TRY(Session::judge(config.dsn));
  BRINE_LET(auto returns, config::parse_table_name(config.table));
  BRINE_LET(auto events, config::parse_table_name(config.event_table));
  return std::make_unique<PostgresReturner>(config, Tables{std::move(returns), std::move(events)});
}

}  // namespace brine::returners
