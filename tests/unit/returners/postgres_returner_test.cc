#include "returners/postgres/postgres_returner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <thread>

#include "tests/unit/returners/contract.h"
#include "tests/unit/returners/outbox_entries.h"
#include "tests/unit/returners/postgres_server.h"

namespace brine::returners {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

// One for all tests of this program: each has a schema of its own.
PostgresServer& server() {
  static PostgresServer one;
  return one;
}

// Tables of one test.
class Schema {
 public:
  explicit Schema(std::string name) : name_(std::move(name)) { psql().query("CREATE SCHEMA \"" + name_ + "\""); }
  Schema(const Schema&) = delete;
  Schema& operator=(const Schema&) = delete;
  ~Schema() { psql().query("DROP SCHEMA \"" + name_ + "\" CASCADE"); }

  static Psql psql() { return Psql(server().dsn()); }
  config::PostgresReturnerConfig config(const std::string& role = "postgres") const {
    return {.dsn = server().dsn(role), .table = name_ + ".returns", .event_table = name_ + ".events", .create_tables = true};
  }
  std::string returns() const { return "\"" + name_ + "\".returns"; }
  std::string events() const { return "\"" + name_ + "\".events"; }
  const std::string& name() const { return name_; }

  // All records, in the order in which they were inserted.
  std::vector<std::string> records() const {
    std::vector<std::string> texts;
    for (const std::string& table : {returns(), events()}) {
      if (psql().value("SELECT to_regclass('" + table + "') IS NULL") == "t") continue;
      for (const auto& row : psql().query("SELECT record FROM " + table + " ORDER BY ctid")) texts.push_back(row[0]);
    }
    return texts;
  }

 private:
  const std::string name_;
};

class PostgresReturnerTest : public testing::Test {
 protected:
  static std::unique_ptr<Returner> open(const config::PostgresReturnerConfig& config) {
    auto returner = open_postgres_returner(config);
    EXPECT_TRUE(returner.has_value()) << (returner ? "" : returner.error().message);
    return returner ? std::move(*returner) : nullptr;
  }
  std::unique_ptr<Returner> open() const { return open(schema.config()); }
  // The tables are there.
  std::unique_ptr<Returner> open_and_create() const {
    auto returner = open();
    EXPECT_EQ(trouble(returner->deliver(records_from_to(1, 1), {})), "");
    return returner;
  }
  static std::string trouble(const Delivery& delivery) { return delivery.status ? "" : delivery.status.error().message; }
  std::string count() const { return psql.value("SELECT count(*) FROM " + schema.returns()); }
  // Waits until it is so.
  static bool comes(const std::function<bool()>& condition) {
    for (int i = 0; i < 3'000; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }
  // On a connection of its own: in a transaction the view does not change.
  static std::string waiting() {
    return Schema::psql().value("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'brine' AND state = 'active'");
  }

  const Schema schema{"Test"};
  mutable Psql psql{server().dsn()};
};

TEST_F(PostgresReturnerTest, ColumnsHoldWhatAReturnSays) {
  store::OutboxEntry entry = entry_number(7, R"({"a":[1,"b"]})");
  entry.value.success = false;
  entry.value.retcode = -3;
  entry.value.received = 1'790'000'001'000'042;
  const Record record = record_of(entry);
  ASSERT_EQ(trouble(open()->deliver(std::vector{record}, {})), "");
  const auto rows = psql.query(
      "SELECT jid, id, fun, outcome, success, retcode, received AT TIME ZONE 'UTC', duration_us, master, late, \"return\"->'a'->>1, record "
      "FROM " +
      schema.returns());
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_THAT(rows[0], ElementsAre(entry.value.jid.str(), "web7", "test.ping", "returned", "f", "-3", "2026-09-21 14:13:21.000042", "250",
                                   "m", "f", "b", record.json));
}

TEST_F(PostgresReturnerTest, ColumnsHoldWhatAnEventSays) {
  const Record record = record_of(event_number(3));
  ASSERT_EQ(trouble(open()->deliver(std::vector{record, record_of(entry_number(1))}, {})), "");
  const auto rows = psql.query("SELECT event_id, tag, stamp AT TIME ZONE 'UTC', master, data->>'id', record FROM " + schema.events());
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_THAT(rows[0], ElementsAre("m:1:3", "brine/minion/web3/start", "2026-09-21 14:13:21", "m", "web", record.json));
}

TEST_F(PostgresReturnerTest, RepeatsDoNoHarm) {
  const auto returner = open();
  ASSERT_EQ(trouble(returner->deliver(records_from_to(1, 3), {})), "");
  const Delivery again = returner->deliver(records_from_to(1, 4), {});
  EXPECT_EQ(again.settled, 4u);
  EXPECT_THAT(again.refused, IsEmpty());
  EXPECT_THAT(schema.records(), ElementsAreArray(texts_of(records_from_to(1, 4))));
}

TEST_F(PostgresReturnerTest, TextIsTakenAsItIs) {
  const std::vector<Record> records{record_of(entry_number(1, R"("{\"'; DROP TABLE x; --,\\\\ ,}NULL")")),
                                    record_of(entry_number(2, "NULL")), record_of(entry_number(3, "\"gr\xc3\xbc\xc3\x9f\""))};
  ASSERT_EQ(trouble(open()->deliver(records, {})), "");
  EXPECT_THAT(schema.records(), ElementsAreArray(texts_of(records)));
}

TEST_F(PostgresReturnerTest, ANulCharacterLeavesItsReturnOutOfTheColumnOnly) {
  const std::vector<Record> records{record_of(entry_number(1, R"("a\u0000b")")), record_of(entry_number(2, R"("a\\u0000b")"))};
  const Delivery delivery = open()->deliver(records, {});
  ASSERT_EQ(trouble(delivery), "");
  EXPECT_THAT(delivery.refused, IsEmpty());
  EXPECT_THAT(schema.records(), ElementsAreArray(texts_of(records)));
  EXPECT_THAT(psql.query("SELECT \"return\"#>>'{}' FROM " + schema.returns() + " ORDER BY ctid"),
              ElementsAre(ElementsAre("NULL"), ElementsAre(R"(a\u0000b)")));
}

TEST_F(PostgresReturnerTest, JsonThatTheServerCannotParseIsKeptAsText) {
  constexpr std::size_t kDepth = 100'000;
  std::vector<Record> records = records_from_to(1, 5);
  records[2] = record_of(entry_number(3, std::string(kDepth, '[') + std::string(kDepth, ']')));
  const Delivery delivery = open()->deliver(records, {});
  ASSERT_EQ(trouble(delivery), "");
  EXPECT_EQ(delivery.settled, 5u);
  EXPECT_THAT(delivery.refused, IsEmpty());
  EXPECT_THAT(schema.records(), ElementsAreArray(texts_of(records)));
  EXPECT_EQ(psql.value("SELECT count(\"return\") FROM " + schema.returns()), "4");
}

TEST_F(PostgresReturnerTest, WhatAConstraintForbidsIsRefusedAlone) {
  const auto returner = open_and_create();
  psql.query("ALTER TABLE " + schema.returns() + " ADD CONSTRAINT no_seven CHECK (id NOT IN ('web7', 'web50'))");
  const Delivery delivery = returner->deliver(records_from_to(1, 100), {});
  ASSERT_EQ(trouble(delivery), "");
  EXPECT_EQ(delivery.settled, 100u);
  ASSERT_THAT(delivery.refused, SizeIs(2));
  EXPECT_EQ(delivery.refused[0].index, 6u);
  EXPECT_EQ(delivery.refused[1].index, 49u);
  EXPECT_THAT(delivery.refused[0].why, AllOf(HasSubstr("no_seven"), HasSubstr("23514")));
  EXPECT_EQ(count(), "98");
}

TEST_F(PostgresReturnerTest, AMistakeOfTheTableRefusesNothing) {
  const auto returner = open_and_create();
  psql.query("ALTER TABLE " + schema.returns() + " ADD COLUMN site text NOT NULL DEFAULT 'x'");
  psql.query("ALTER TABLE " + schema.returns() + " ALTER COLUMN site DROP DEFAULT");
  const Delivery delivery = returner->deliver(records_from_to(2, 3), {});
  EXPECT_EQ(delivery.settled, 0u);
  EXPECT_THAT(delivery.refused, IsEmpty());
  EXPECT_THAT(trouble(delivery), AllOf(HasSubstr("\"site\""), HasSubstr("give it a default")));
}

TEST_F(PostgresReturnerTest, APartitionThatIsMissingRefusesNothing) {
  psql.query(
      "CREATE TABLE " + schema.returns() +
      " (jid text, id text, fun text, outcome text, success boolean, retcode int, received timestamptz, duration_us bigint, master text,"
      " late boolean, \"return\" jsonb, record text, PRIMARY KEY (jid, id, received)) PARTITION BY RANGE (received)");
  const auto returner = open();
  const Delivery away = returner->deliver(records_from_to(1, 2), {});
  EXPECT_THAT(away.refused, IsEmpty());
  EXPECT_THAT(trouble(away), HasSubstr("no partition"));
  psql.query("CREATE TABLE \"Test\".all_of_them PARTITION OF " + schema.returns() + " DEFAULT");
  EXPECT_EQ(trouble(returner->deliver(records_from_to(1, 2), {})), "");
  EXPECT_EQ(trouble(returner->deliver(records_from_to(1, 2), {})), "");
  EXPECT_EQ(count(), "2");
}

TEST_F(PostgresReturnerTest, NamesThatAreNotTextAreRefusedWithoutAskingTheServer) {
  store::OutboxEntry nul = entry_number(2);
  nul.function = std::string("a\0b", 3);
  store::OutboxEntry bytes = entry_number(3);
  bytes.function = "a\xff";
  const std::vector<Record> records{record_of(entry_number(1)), record_of(nul), record_of(bytes), record_of(entry_number(4))};
  const Delivery delivery = open()->deliver(records, {});
  ASSERT_EQ(trouble(delivery), "");
  ASSERT_THAT(delivery.refused, SizeIs(2));
  EXPECT_THAT(delivery.refused[0].why, HasSubstr("NUL"));
  EXPECT_THAT(delivery.refused[1].why, HasSubstr("not UTF-8"));
  EXPECT_EQ(count(), "2");
}

TEST_F(PostgresReturnerTest, MissingTablesAreNotMadeUnasked) {
  config::PostgresReturnerConfig config = schema.config();
  config.create_tables = false;
  EXPECT_THAT(trouble(open(config)->deliver(records_from_to(1, 1), {})),
              AllOf(HasSubstr("does not exist"), HasSubstr("create_tables: true")));
}

TEST_F(PostgresReturnerTest, TablesThatWereDroppedAreMadeAgain) {
  const auto returner = open_and_create();
  psql.query("DROP TABLE " + schema.returns());
  EXPECT_EQ(trouble(returner->deliver(records_from_to(2, 3), {})), "");
  EXPECT_EQ(count(), "2");
}

// ---- who may not ---------------------------------------------------------------------------------------------------------------

class PostgresRoleTest : public PostgresReturnerTest {
 protected:
  PostgresRoleTest() {
    psql.query("CREATE ROLE guarded LOGIN PASSWORD 'right'");
    psql.query("CREATE ROLE writer LOGIN; GRANT USAGE ON SCHEMA \"Test\" TO writer");
  }
  ~PostgresRoleTest() override {
    psql.query("DROP OWNED BY guarded; DROP OWNED BY writer");
    psql.query("DROP ROLE guarded; DROP ROLE writer");
  }
  Delivery deliver_as(const std::string& role, const std::string& more = "") const {
    config::PostgresReturnerConfig config = schema.config(role);
    config.dsn += more;
    return open(config)->deliver(records_from_to(2, 3), {});
  }
};

TEST_F(PostgresRoleTest, WrongPasswordIsSaidAndNotShown) {
  const Delivery delivery = deliver_as("guarded", " password=wrongpass");
  EXPECT_EQ(delivery.settled, 0u);
  ASSERT_FALSE(delivery.status.has_value());
  EXPECT_EQ(delivery.status.error().code, Code::kUnavailable);
  EXPECT_THAT(trouble(delivery), AllOf(HasSubstr("password authentication failed"), Not(HasSubstr("wrongpass"))));
}

TEST_F(PostgresRoleTest, RoleWithoutTheRightToInsertIsToldWhatItNeeds) {
  open_and_create();
  const Delivery delivery = deliver_as("writer");
  EXPECT_THAT(delivery.refused, IsEmpty());
  EXPECT_THAT(trouble(delivery), AllOf(HasSubstr("permission denied"), HasSubstr("needs INSERT")));
}

TEST_F(PostgresRoleTest, TheRightToInsertIsEnoughWhenTheTablesAreThere) {
  open_and_create();
  psql.query("GRANT INSERT ON ALL TABLES IN SCHEMA \"Test\" TO writer");
  EXPECT_EQ(trouble(deliver_as("writer")), "");
  EXPECT_EQ(count(), "3");
}

TEST_F(PostgresRoleTest, RoleThatMayNotCreateIsToldSo) {
  EXPECT_THAT(trouble(deliver_as("writer")), AllOf(HasSubstr("permission denied"), HasSubstr("CREATE")));
}

TEST_F(PostgresRoleTest, ServerThatTakesNoWritesIsAway) {
  open_and_create();
  const Delivery delivery = deliver_as("postgres", " options='-c default_transaction_read_only=on'");
  EXPECT_THAT(delivery.refused, IsEmpty());
  EXPECT_THAT(trouble(delivery), HasSubstr("takes no writes"));
}

// ---- time --------------------------------------------------------------------------------------------------------------------

TEST_F(PostgresReturnerTest, ATableThatIsLockedHoldsADeliveryForTheTimeoutOnly) {
  open_and_create();
  config::PostgresReturnerConfig config = schema.config();
  config.timeout = std::chrono::milliseconds(500);
  const auto returner = open(config);
  psql.query("BEGIN; LOCK TABLE " + schema.returns() + " IN ACCESS EXCLUSIVE MODE");
  const auto begin = std::chrono::steady_clock::now();
  const Delivery delivery = returner->deliver(records_from_to(2, 9), {});
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
  EXPECT_EQ(delivery.settled, 0u);
  EXPECT_FALSE(delivery.status.has_value());
  psql.query("COMMIT");
  std::size_t settled = 0;
  const auto records = records_from_to(2, 9);
  for (int i = 0; i < 100 && settled < 8; ++i) settled += returner->deliver(std::span(records).subspan(settled), {}).settled;
  EXPECT_EQ(count(), "9");
}

TEST_F(PostgresReturnerTest, AServerThatHangsHoldsADeliveryForTheTimeoutOnly) {
  config::PostgresReturnerConfig config = schema.config();
  config.timeout = std::chrono::milliseconds(2'000);
  const auto returner = open(config);
  ASSERT_EQ(trouble(returner->deliver(records_from_to(1, 1), {})), "");
  const pid_t backend =
      std::stoi(psql.value("SELECT pid FROM pg_stat_activity WHERE application_name = 'brine' ORDER BY backend_start DESC"));
  ASSERT_EQ(::kill(backend, SIGSTOP), 0);
  const auto begin = std::chrono::steady_clock::now();
  const Delivery delivery = returner->deliver(records_from_to(2, 3), {});
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
  ::kill(backend, SIGCONT);
  EXPECT_EQ(delivery.settled, 0u);
  EXPECT_THAT(trouble(delivery), HasSubstr("no answer in time"));
}

TEST_F(PostgresReturnerTest, AStopEndsAStatementHereAndOnTheServer) {
  open_and_create();
  config::PostgresReturnerConfig config = schema.config();
  config.timeout = std::chrono::minutes(5);
  const auto returner = open(config);
  psql.query("BEGIN; LOCK TABLE " + schema.returns() + " IN ACCESS EXCLUSIVE MODE");
  std::stop_source stop;
  Delivery delivery;
  std::jthread delivering([&] { delivery = returner->deliver(records_from_to(2, 3), stop.get_token()); });
  EXPECT_TRUE(comes([&] { return waiting() == "1"; }));
  stop.request_stop();
  delivering.join();
  EXPECT_THAT(trouble(delivery), HasSubstr("stopping"));
  EXPECT_TRUE(comes([&] { return waiting() == "0"; }));
  psql.query("COMMIT");
  EXPECT_EQ(count(), "1");
}

TEST_F(PostgresReturnerTest, ServerThatIsKilledInTheMiddleLosesAndDoublesNothing) {
  const auto returner = open_and_create();
  const auto records = records_from_to(2, 2'001);
  psql.query("BEGIN; LOCK TABLE " + schema.returns() + " IN ACCESS EXCLUSIVE MODE");
  Delivery broken;
  std::jthread delivering([&] { broken = returner->deliver(records, {}); });
  EXPECT_TRUE(comes([&] { return waiting() == "1"; }));
  server().kill();
  delivering.join();
  EXPECT_EQ(broken.settled, 0u);
  EXPECT_FALSE(broken.status.has_value());
  server().start();
  psql = Psql(server().dsn());
  ASSERT_EQ(trouble(returner->deliver(records, {})), "");
  EXPECT_THAT(schema.records(), ElementsAreArray(texts_of(records_from_to(1, 2'001))));
}

// ---- configuration -----------------------------------------------------------------------------------------------------------

TEST(PostgresReturner, MistakesOfTheConfigurationAreErrorsAtOnce) {
  const auto why = [](const config::PostgresReturnerConfig& config) {
    const auto returner = open_postgres_returner(config);
    return returner ? "" : returner.error().message;
  };
  EXPECT_THAT(why({.dsn = "host=db usr=brine"}), HasSubstr("invalid connection option \"usr\""));
  EXPECT_THAT(why({.dsn = "host=db", .table = "a;b"}), HasSubstr("no name of a table"));
  EXPECT_EQ(why({.dsn = "postgresql://brine@db/fleet"}), "");
}

// ---- the contract of all returners -------------------------------------------------------------------------------------------

class PostgresBackend final : public Backend {
 public:
  ~PostgresBackend() override {
    if (away_) come_back();
  }
  std::unique_ptr<Returner> open() override {
    auto returner = open_postgres_returner(schema_.config());
    return returner ? std::move(*returner) : nullptr;
  }
  std::vector<std::string> received() override { return schema_.records(); }
  void go_away() override {
    server().kill();
    away_ = true;
  }
  void come_back() override {
    server().start();
    away_ = false;
  }
  std::optional<Record> unacceptable() override {
    store::OutboxEntry entry = entry_number(9);
    entry.function = "a\xff";
    return record_of(entry);
  }

 private:
  Schema schema_{"contract"};
  bool away_ = false;
};

INSTANTIATE_TEST_SUITE_P(Postgres, ReturnerContract, testing::Values(backend_kind<PostgresBackend>("postgres")), kind_name);

}  // namespace
}  // namespace brine::returners
