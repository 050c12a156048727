#include "returners/redis/redis_returner.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <map>
#include <stdexcept>
#include <thread>

#include "base/file.h"
#include "store/redis/connection.h"
#include "tests/unit/returners/contract.h"
#include "tests/unit/returners/outbox_entries.h"
#include "tests/unit/store/redis_server.h"

namespace brine::returners {
namespace {

using store::RedisServer;
using testing::ElementsAre;
using testing::HasSubstr;
using Fields = std::map<std::string, std::string>;

store::redis::Connection connection_to(const RedisServer& server, const std::string& password = "") {
  auto opened = store::redis::Connection::open({.host = "", .port = 0, .path = server.path()}, {.user = "", .password = password},
                                               milliseconds(10'000));
  if (!opened) throw std::runtime_error(opened.error().message);
  return std::move(*opened);
}

store::redis::Reply answer(store::redis::Connection& connection, const store::redis::Words& words) {
  auto reply = connection.ask(words);
  if (!reply) throw std::runtime_error(reply.error().message);
  return std::move(*reply);
}

std::vector<Fields> entries_of(store::redis::Connection& connection, const std::string& stream) {
  const store::redis::Reply reply = answer(connection, {"XRANGE", stream, "-", "+"});
  std::vector<Fields> entries;
  for (std::size_t i = 0; i < reply.view().size(); ++i) {
    const auto words = reply[i][1];
    Fields& entry = entries.emplace_back();
    for (std::size_t word = 0; word + 1 < words.size(); word += 2) entry[words[word].string()] = words[word + 1].string();
  }
  return entries;
}

std::unique_ptr<Returner> returner_of(const config::RedisReturnerConfig& config) {
  auto returner = open_redis_returner(config);
  if (!returner) throw std::runtime_error(returner.error().message);
  return std::move(*returner);
}

std::string why_not_opened(const config::RedisReturnerConfig& config) {
  const auto returner = open_redis_returner(config);
  return returner ? "it opens" : std::string(to_string(returner.error().code)) + ": " + returner.error().message;
}

// The message of a delivery that took nothing because the backend is not to be had.
std::string trouble_of(Returner& returner, const std::vector<Record>& records = records_from_to(1, 2)) {
  const Delivery delivery = returner.deliver(records, {});
  EXPECT_EQ(delivery.settled, 0u);
  if (delivery.status) return "it was delivered";
  EXPECT_EQ(delivery.status.error().code, Code::kUnavailable);
  return delivery.status.error().message;
}

// Listens, says that it knows no limit, and answers nothing else.
class HangingServer {
 public:
  explicit HangingServer(const std::string& path) : listener_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    if (::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || ::listen(listener_.get(), 1) != 0)
      throw std::runtime_error("cannot listen at " + path);
  }
  // Returns when a client has sent this word.
  void wait_for(std::string_view word) {
    client_.reset(::accept(listener_.get(), nullptr, nullptr));
    std::string sent;
    std::array<char, 4096> buffer;
    for (ssize_t size = 0; sent.find(word) == std::string::npos && (size = ::read(client_.get(), buffer.data(), buffer.size())) > 0;) {
      if (sent.empty() && !write_all(client_.get(), "*0\r\n")) return;
      sent.append(buffer.data(), static_cast<std::size_t>(size));
    }
  }

 private:
  Fd listener_, client_;
};

class RedisReturner : public testing::Test {
 protected:
  RedisReturner() { ::signal(SIGPIPE, SIG_IGN); }
  store::ScratchFolder folder;
};

TEST_F(RedisReturner, FieldsOfAReturn) {
  const RedisServer server;
  const auto records = records_from_to(1, 1);
  ASSERT_TRUE(returner_of({.url = server.url()})->deliver(records, {}).status);
  auto connection = connection_to(server);
  EXPECT_THAT(entries_of(connection, "brine:returns"), ElementsAre(Fields{{"kind", "return"},
                                                                          {"jid", records[0].entry.value.jid.str()},
                                                                          {"id", "web1"},
                                                                          {"fun", "test.ping"},
                                                                          {"retcode", "0"},
                                                                          {"success", "true"},
                                                                          {"json", records[0].json}}));
}

TEST_F(RedisReturner, EventsGoToTheirOwnStream) {
  const RedisServer server;
  const Record event = record_of(event_number(7));
  ASSERT_TRUE(returner_of({.url = server.url()})->deliver({&event, 1}, {}).status);
  auto connection = connection_to(server);
  EXPECT_THAT(entries_of(connection, "brine:returns"), ElementsAre());
  EXPECT_THAT(entries_of(connection, "brine:events"),
              ElementsAre(Fields{{"kind", "event"}, {"event_id", "m:1:7"}, {"tag", "brine/minion/web7/start"}, {"json", event.json}}));
}

TEST_F(RedisReturner, DatabaseAndNamesAreThoseOfTheConfiguration) {
  const RedisServer server;
  const std::string url = "redis://127.0.0.1:" + std::to_string(server.port()) + "/3";
  ASSERT_TRUE(returner_of({.url = url, .stream = "fleet"})->deliver(records_from_to(1, 2), {}).status);
  auto connection = connection_to(server);
  answer(connection, {"SELECT", "3"});
  EXPECT_EQ(entries_of(connection, "fleet").size(), 2u);
}

TEST_F(RedisReturner, StreamKeepsAboutItsMaximum) {
  const RedisServer server({"--stream-node-max-entries", "10"});
  ASSERT_TRUE(returner_of({.url = server.url(), .max_length = 20})->deliver(records_from_to(1, 500), {}).status);
  auto connection = connection_to(server);
  const auto length = answer(connection, {"XLEN", "brine:returns"}).view().integer();
  EXPECT_GE(*length, 20);
  EXPECT_LE(*length, 40);
}

TEST_F(RedisReturner, WithoutAMaximumNothingGoes) {
  const RedisServer server({"--stream-node-max-entries", "10", "--appendfsync", "no"});
  ASSERT_TRUE(returner_of({.url = server.url(), .max_length = 0})->deliver(records_from_to(1, 500), {}).status);
  auto connection = connection_to(server);
  EXPECT_EQ(answer(connection, {"XLEN", "brine:returns"}).view().integer(), 500);
}

TEST_F(RedisReturner, FullServerTakesTheRestWhenItHasRoomAgain) {
  const RedisServer server({"--maxmemory", "8mb", "--maxmemory-policy", "noeviction", "--appendfsync", "no"});
  const auto returner = returner_of({.url = server.url()});
  std::vector<Record> records;
  for (std::uint64_t number = 1; number <= 40; ++number)
    records.push_back(record_of(entry_number(number, '"' + std::string(500'000, 'x') + '"')));
  const Delivery part = returner->deliver(records, {});
  ASSERT_FALSE(part.status);
  EXPECT_EQ(part.status.error().code, Code::kUnavailable);
  EXPECT_THAT(part.status.error().message, HasSubstr("full (maxmemory)"));
  EXPECT_TRUE(part.refused.empty());
  EXPECT_GT(part.settled, 0u);
  EXPECT_LT(part.settled, 40u);
  auto connection = connection_to(server);
  EXPECT_GE(entries_of(connection, "brine:returns").size(), part.settled);
  answer(connection, {"CONFIG", "SET", "maxmemory", "0"});
  const Delivery rest = returner->deliver(std::span(records).subspan(part.settled), {});
  ASSERT_TRUE(rest.status) << rest.status.error().message;
  std::vector<std::string> arrived;
  for (const Fields& entry : entries_of(connection, "brine:returns")) arrived.push_back(entry.at("json"));
  EXPECT_THAT(arrived, testing::IsSupersetOf(texts_of(records)));
}

TEST_F(RedisReturner, PasswordsAreCheckedAndNeverShown) {
  RedisServer server({"--requirepass", "a-secret"});
  EXPECT_THAT(trouble_of(*returner_of({.url = server.url()})), HasSubstr("set password_file"));
  ASSERT_TRUE(create_file(folder / "password", "guessed\n", 0600));
  const auto returner = returner_of({.url = server.url(), .password_file = folder / "password"});
  const std::string wrong = trouble_of(*returner);
  EXPECT_THAT(wrong, HasSubstr("refuses user or password"));
  EXPECT_THAT(wrong, testing::Not(HasSubstr("guessed")));
  ASSERT_TRUE(replace_file(folder / "password", "a-secret\n", 0600));
  EXPECT_TRUE(returner->deliver(records_from_to(1, 2), {}).status);
}

TEST_F(RedisReturner, UserThatMayOnlyWriteThisStreamIsEnough) {
  RedisServer server;
  auto admin = connection_to(server);
  answer(admin, {"ACL", "SETUSER", "brine", "on", ">a-secret", "~fleet", "+xadd"});
  ASSERT_TRUE(create_file(folder / "password", "a-secret", 0600));
  config::RedisReturnerConfig config{.url = server.url(), .user = "brine", .password_file = folder / "password", .stream = "fleet"};
  EXPECT_TRUE(returner_of(config)->deliver(records_from_to(1, 2), {}).status);
  config.stream = "others";
  EXPECT_THAT(trouble_of(*returner_of(config)), testing::AllOf(HasSubstr("others"), HasSubstr("rights")));
}

TEST_F(RedisReturner, ReplicaIsNotWrittenTo) {
  const RedisServer primary({"--repl-diskless-sync-delay", "0"});
  const RedisServer replica({"--replicaof", "127.0.0.1", std::to_string(primary.port())});
  auto connection = connection_to(replica);
  while (answer(connection, {"ROLE"})[3].text() != "connected") std::this_thread::yield();
  EXPECT_THAT(trouble_of(*returner_of({.url = replica.url()})), HasSubstr("is a replica"));
}

TEST_F(RedisReturner, KeyOfAnotherTypeIsNamed) {
  const RedisServer server;
  auto connection = connection_to(server);
  answer(connection, {"SET", "brine:returns", "x"});
  const auto returner = returner_of({.url = server.url()});
  EXPECT_THAT(trouble_of(*returner), testing::AllOf(HasSubstr("brine:returns"), HasSubstr("WRONGTYPE")));
  answer(connection, {"DEL", "brine:returns"});
  EXPECT_TRUE(returner->deliver(records_from_to(1, 2), {}).status);
}

TEST_F(RedisReturner, ServerThatHangsIsGivenUpAfterTheTimeout) {
  RedisServer server;
  const auto returner = returner_of({.url = server.url(), .timeout = milliseconds(200)});
  ASSERT_TRUE(returner->deliver(records_from_to(1, 1), {}).status);
  server.pause();
  EXPECT_THAT(trouble_of(*returner, records_from_to(2, 2)), HasSubstr("no answer in time"));
  server.resume();
  EXPECT_TRUE(returner->deliver(records_from_to(2, 2), {}).status);
}

TEST_F(RedisReturner, StopEndsTheWaitForAServerThatHangs) {
  HangingServer server(folder / "redis.sock");
  const auto returner = returner_of({.url = "unix://" + (folder / "redis.sock"), .timeout = std::chrono::minutes(10)});
  std::jthread delivering([&](const std::stop_token& stop) { EXPECT_FALSE(returner->deliver(records_from_to(1, 2), stop).status); });
  server.wait_for("XADD");
  delivering.request_stop();
}

TEST_F(RedisReturner, StreamsAmongBrinesOwnKeysAreRefused) {
  EXPECT_THAT(why_not_opened({.url = "redis://h", .stream = "brine:{x}:outbox"}), HasSubstr("brine's own keys"));
  EXPECT_THAT(why_not_opened({.url = "redis://h", .event_stream = "brine:{x}"}), HasSubstr("choose another name"));
}

TEST_F(RedisReturner, MistakesOfTheConfigurationAreSaidAtOnce) {
  EXPECT_THAT(why_not_opened({.url = "localhost"}), HasSubstr("redis://host:port/database"));
  EXPECT_THAT(why_not_opened({.url = "redis://h", .password_file = folder / "none"}), HasSubstr("password_file: cannot read"));
}

// ---- the contract of all returners -------------------------------------------------------------------------------------------

class RedisBackend final : public Backend {
 public:
  RedisBackend() { ::signal(SIGPIPE, SIG_IGN); }
  std::unique_ptr<Returner> open() override { return returner_of({.url = server_.url()}); }
  std::vector<std::string> received() override {
    auto connection = connection_to(server_);
    std::vector<std::string> texts;
    for (const std::string stream : {"brine:returns", "brine:events"}) {
      for (const Fields& entry : entries_of(connection, stream)) texts.push_back(entry.at("json"));
    }
    return texts;
  }
  void go_away() override { server_.kill(); }
  void come_back() override { server_.start(); }
  std::optional<Record> unacceptable() override { return record_of(entry_number(9, '"' + std::string(1U << 20, 'x') + '"')); }

 private:
  RedisServer server_{{"--proto-max-bulk-len", "1mb", "--appendfsync", "no"}};
};

INSTANTIATE_TEST_SUITE_P(Redis, ReturnerContract, testing::Values(backend_kind<RedisBackend>("redis")), kind_name);

}  // namespace
}  // namespace brine::returners
