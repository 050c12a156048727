#include "returners/kafka/kafka_returner.h"

#include <gmock/gmock.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <thread>

#include "tests/unit/returners/contract.h"
#include "tests/unit/returners/outbox_entries.h"
#include "tests/unit/store/scratch_folder.h"

namespace brine::returners {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSupersetOf;

constexpr std::int16_t kProduce = 0;  // keys of the protocol
constexpr std::int16_t kInitProducerId = 22;

struct Arrived {
  std::int32_t partition = 0;
  std::string key;
  std::string value;
  std::map<std::string, std::string> headers;
};

std::string text_of(const void* bytes, std::size_t size) { return {static_cast<const char*>(bytes), size}; }

std::map<std::string, std::string> headers_of(const rd_kafka_message_t* message) {
  std::map<std::string, std::string> found;
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return found;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i)
    found[name] = text_of(value, size);
  return found;
}

struct Destroy {
  void operator()(rd_kafka_t* handle) const { rd_kafka_destroy(handle); }
};
using Handle = std::unique_ptr<rd_kafka_t, Destroy>;

// librdkafka's own brokers, which speak the protocol on ports of the loopback.
class MockKafka {
 public:
  explicit MockKafka(int partitions) : partitions_(partitions) {
    rd_kafka_conf_t* quiet = rd_kafka_conf_new();
    rd_kafka_conf_set(quiet, "log_level", "3", nullptr, 0);
    host_.reset(rd_kafka_new(RD_KAFKA_PRODUCER, quiet, nullptr, 0));
    mock_ = rd_kafka_mock_cluster_new(host_.get(), 1);
    for (const char* topic : {"brine-returns", "brine-events"}) rd_kafka_mock_topic_create(mock_, topic, partitions, 1);
  }
  ~MockKafka() { rd_kafka_mock_cluster_destroy(mock_); }

  config::KafkaReturnerConfig config() const {
    config::KafkaReturnerConfig config;
    config.brokers = rd_kafka_mock_cluster_bootstraps(mock_);
    config.delivery_timeout = milliseconds(1'500);
    config.settings["reconnect.backoff.ms"] = "20";
    config.settings["reconnect.backoff.max.ms"] = "100";
    config.settings["retry.backoff.ms"] = "20";
    return config;
  }
  std::unique_ptr<Returner> open(const config::KafkaReturnerConfig& config) const {
    auto returner = open_kafka_returner(config);
    EXPECT_TRUE(returner.has_value()) << returner.error().message;
    return returner ? std::move(*returner) : nullptr;
  }
  std::unique_ptr<Returner> open() const { return open(config()); }

  void set_down() { rd_kafka_mock_broker_set_down(mock_, -1); }
  void set_up() { rd_kafka_mock_broker_set_up(mock_, -1); }
  void set_rtt(milliseconds rtt) { rd_kafka_mock_broker_set_rtt(mock_, -1, static_cast<int>(rtt.count())); }
  // The next requests of that kind fail so.
  void fail_next(std::int16_t request, const std::vector<rd_kafka_resp_err_t>& errors) {
    rd_kafka_mock_push_request_errors_array(mock_, request, errors.size(), errors.data());
  }
  void fail_topic(const char* topic, rd_kafka_resp_err_t error) { rd_kafka_mock_topic_set_error(mock_, topic, error); }
  void forgive(std::int16_t request) { rd_kafka_mock_clear_request_errors(mock_, request); }

  // All that is in the topic now; the order is that of each partition.
  std::vector<Arrived> arrived(const std::string& topic) const {
    const Handle consumer = reader();
    rd_kafka_topic_partition_list_t* all = rd_kafka_topic_partition_list_new(partitions_);
    for (int i = 0; i < partitions_; ++i) rd_kafka_topic_partition_list_add(all, topic.c_str(), i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_assign(consumer.get(), all);
    rd_kafka_topic_partition_list_destroy(all);
    std::vector<Arrived> found;
    for (int ended = 0; ended < partitions_;) {
      rd_kafka_message_t* message = rd_kafka_consumer_poll(consumer.get(), 30'000);
      if (message == nullptr) {
        ADD_FAILURE() << "nothing more to read of " << topic << ", and no end";
        break;
      }
      if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) ++ended;
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
        found.push_back(
            {message->partition, text_of(message->key, message->key_len), text_of(message->payload, message->len), headers_of(message)});
      rd_kafka_message_destroy(message);
    }
    rd_kafka_consumer_close(consumer.get());
    return found;
  }
  std::vector<std::string> values(const std::string& topic) const {
    std::vector<std::string> texts;
    for (Arrived& one : arrived(topic)) texts.push_back(std::move(one.value));
    return texts;
  }

 private:
  Handle reader() const {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    const auto set = [conf](const char* key, const char* value) { rd_kafka_conf_set(conf, key, value, nullptr, 0); };
    set("bootstrap.servers", rd_kafka_mock_cluster_bootstraps(mock_));
    set("group.id", "reader");
    set("enable.partition.eof", "true");
    set("enable.auto.commit", "false");
    set("fetch.wait.max.ms", "10");
    Handle consumer(rd_kafka_new(RD_KAFKA_CONSUMER, conf, nullptr, 0));
    rd_kafka_poll_set_consumer(consumer.get());
    return consumer;
  }

  int partitions_;
  Handle host_;
  rd_kafka_mock_cluster_t* mock_ = nullptr;
};

Record record_of_size(std::uint64_t number, std::size_t bytes) {
  return record_of(entry_number(number, '"' + std::string(bytes, 'x') + '"'));
}

// ---- what all kinds keep to --------------------------------------------------------------------------------------------------

class KafkaBackend final : public Backend {
 public:
  std::unique_ptr<Returner> open() override { return kafka_.open(); }
  std::vector<std::string> received() override {
    std::vector<std::string> all = kafka_.values("brine-returns");
    std::ranges::move(kafka_.values("brine-events"), std::back_inserter(all));
    return all;
  }
  void go_away() override { kafka_.set_down(); }
  void come_back() override { kafka_.set_up(); }
  std::optional<Record> unacceptable() override { return record_of_size(500, 1'100'000); }

 private:
  MockKafka kafka_{1};  // one partition: then there is one order
};

INSTANTIATE_TEST_SUITE_P(Kafka, ReturnerContract, testing::Values(backend_kind<KafkaBackend>("kafka")), kind_name);

// ---- what arrives ------------------------------------------------------------------------------------------------------------

class KafkaReturnerTest : public testing::Test {
 protected:
  // Until all are settled, as a drain does it; the reasons why some were refused, by their place in the batch.
  std::map<std::size_t, std::string> deliver(Returner& returner, std::span<const Record> records) {
    std::map<std::size_t, std::string> refused;
    std::size_t settled = 0;
    for (int i = 0; i < 100 && settled < records.size(); ++i) {
      const Delivery delivery = returner.deliver(records.subspan(settled), {});
      for (const Refusal& refusal : delivery.refused) refused[settled + refusal.index] = refusal.why;
      settled += delivery.settled;
    }
    EXPECT_EQ(settled, records.size());
    return refused;
  }

  MockKafka kafka{4};
};

TEST_F(KafkaReturnerTest, AReturnHasItsMinionAsKeyAndWhatAReaderSortsByInItsHeaders) {
  store::OutboxEntry entry = entry_number(7);
  entry.value.retcode = 3;
  const std::vector<Record> records{record_of(entry)};
  deliver(*kafka.open(), records);
  const auto arrived = kafka.arrived("brine-returns");
  ASSERT_EQ(arrived.size(), 1u);
  EXPECT_EQ(arrived[0].key, "web7");
  EXPECT_EQ(arrived[0].value, records[0].json);
  const std::map<std::string, std::string> expected{{"schema", "1"},      {"kind", "return"}, {"jid", entry.value.jid.str()},
                                                    {"fun", "test.ping"}, {"retcode", "3"},   {"master", "m"}};
  EXPECT_EQ(arrived[0].headers, expected);
}

TEST_F(KafkaReturnerTest, AnEventHasItsTagAsKeyAndATopicOfItsOwn) {
  const std::vector<Record> records{record_of(event_number(3))};
  deliver(*kafka.open(), records);
  const auto arrived = kafka.arrived("brine-events");
  ASSERT_EQ(arrived.size(), 1u);
  EXPECT_EQ(arrived[0].key, "brine/minion/web3/start");
  EXPECT_EQ(arrived[0].value, records[0].json);
  const std::map<std::string, std::string> expected{
      {"schema", "1"}, {"kind", "event"}, {"event_id", "m:1:3"}, {"tag", "brine/minion/web3/start"}, {"master", "m"}};
  EXPECT_EQ(arrived[0].headers, expected);
  EXPECT_THAT(kafka.arrived("brine-returns"), IsEmpty());
}

TEST_F(KafkaReturnerTest, WhatAMinionReturnedLiesInOnePartitionInItsOrderThroughErrors) {
  std::vector<Record> records;
  std::map<std::string, std::vector<std::string>> expected;
  for (std::uint64_t number = 1; number <= 400; ++number) {
    store::OutboxEntry entry = entry_number(number);
    entry.value.minion = MinionId::trusted("web" + std::to_string(number % 20));
    records.push_back(record_of(std::move(entry)));
    expected["web" + std::to_string(number % 20)].push_back(records.back().json);
  }
  const auto returner = kafka.open();
  deliver(*returner, std::span(records).first(100));
  kafka.fail_next(kProduce, {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
                             RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION});
  for (std::size_t first = 100; first < 400; first += 100) deliver(*returner, std::span(records).subspan(first, 100));
  std::map<std::string, std::vector<std::string>> arrived;
  std::map<std::string, std::set<std::int32_t>> partitions;
  for (const Arrived& one : kafka.arrived("brine-returns")) {
    arrived[one.key].push_back(one.value);
    partitions[one.key].insert(one.partition);
  }
  EXPECT_EQ(arrived, expected);
  for (const auto& [key, of_key] : partitions) EXPECT_EQ(of_key.size(), 1u) << key;
}

// ---- brokers that do not take it now -----------------------------------------------------------------------------------------

TEST_F(KafkaReturnerTest, AnAnswerThatComesTooLateIsNoneAndSaysWhoDidNotAnswer) {
  auto config = kafka.config();
  config.delivery_timeout = milliseconds(400);
  const auto returner = kafka.open(config);
  deliver(*returner, records_from_to(1, 1));
  kafka.set_rtt(milliseconds(60'000));
  const auto records = records_from_to(2, 5);
  const Delivery delivery = returner->deliver(records, {});
  EXPECT_EQ(delivery.settled, 0u);
  ASSERT_FALSE(delivery.status.has_value());
  EXPECT_EQ(delivery.status.error().code, Code::kUnavailable);
  EXPECT_THAT(delivery.status.error().message, AllOf(HasSubstr(config.brokers), HasSubstr("within 400 ms")));
  kafka.set_rtt(milliseconds(0));
  deliver(*returner, records);
  EXPECT_THAT(kafka.values("brine-returns"), IsSupersetOf(texts_of(records)));
}

TEST_F(KafkaReturnerTest, WhatWasGivenUpDoesNotArriveAfterWhatCameLater) {
  auto config = kafka.config();
  config.delivery_timeout = milliseconds(300);
  const auto returner = kafka.open(config);
  deliver(*returner, records_from_to(1, 1));
  kafka.set_down();
  EXPECT_EQ(returner->deliver(records_from_to(2, 5), {}).settled, 0u);
  kafka.set_up();
  deliver(*returner, records_from_to(6, 9));  // as when an operator has skipped the others
  auto expected = records_from_to(6, 9);
  expected.push_back(record_of(entry_number(1)));
  EXPECT_THAT(kafka.values("brine-returns"), testing::UnorderedElementsAreArray(texts_of(expected)));
}

TEST_F(KafkaReturnerTest, AStopEndsADeliveryThatWaits) {
  auto config = kafka.config();
  config.delivery_timeout = std::chrono::minutes(10);
  kafka.set_down();
  const auto returner = kafka.open(config);
  const auto records = records_from_to(1, 3);
  std::stop_source stop;
  Delivery delivery;
  std::jthread waits([&] { delivery = returner->deliver(records, stop.get_token()); });
  stop.request_stop();
  waits.join();
  EXPECT_EQ(delivery.settled, 0u);
  EXPECT_THAT(delivery.status.error().message, HasSubstr("stopped"));
}

TEST_F(KafkaReturnerTest, WithoutTheRightToWriteNothingIsLostAndTheMessageNamesTopicAndRight) {
  const auto returner = kafka.open();
  deliver(*returner, records_from_to(1, 1));
  kafka.fail_next(kProduce, std::vector(50, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED));
  const auto records = records_from_to(2, 9);
  const Delivery delivery = returner->deliver(records, {});
  EXPECT_EQ(delivery.settled, 0u);
  EXPECT_THAT(delivery.refused, IsEmpty());
  ASSERT_FALSE(delivery.status.has_value());
  EXPECT_EQ(delivery.status.error().code, Code::kUnavailable);
  EXPECT_THAT(delivery.status.error().message,
              AllOf(HasSubstr("'brine-returns'"), HasSubstr("authorization"), HasSubstr("right to write")));
  kafka.forgive(kProduce);
  const Delivery again = returner->deliver(records, {});
  EXPECT_TRUE(again.status.has_value()) << again.status.error().message;
  EXPECT_THAT(kafka.values("brine-returns"), testing::UnorderedElementsAreArray(texts_of(records_from_to(1, 9))));
}

TEST_F(KafkaReturnerTest, ATopicThatIsNotThereHoldsNothingOfAnotherBackAndNothingArrivesTwice) {
  const auto returner = kafka.open();
  kafka.fail_topic("brine-events", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  std::vector<Record> records = records_from_to(1, 3);
  records.insert(records.begin() + 1, record_of(event_number(9)));
  for (int i = 0; i < 3; ++i) {
    const Delivery delivery = returner->deliver(std::span(records).subspan(i == 0 ? 0 : 1), {});
    EXPECT_EQ(delivery.settled, i == 0 ? 1u : 0u);
    ASSERT_FALSE(delivery.status.has_value());
    EXPECT_THAT(delivery.status.error().message, HasSubstr("'brine-events'"));
  }
  kafka.fail_topic("brine-events", RD_KAFKA_RESP_ERR_NO_ERROR);
  deliver(*returner, std::span(records).subspan(1));
  EXPECT_THAT(kafka.values("brine-returns"), testing::UnorderedElementsAreArray(texts_of(records_from_to(1, 3))));
  EXPECT_THAT(kafka.values("brine-events"), ElementsAre(records[1].json));
}

TEST_F(KafkaReturnerTest, AnUnknownTopicIsNamed) {
  kafka.fail_topic("brine-returns", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  const auto returner = kafka.open();
  const auto records = records_from_to(1, 2);
  const Delivery delivery = returner->deliver(records, {});
  EXPECT_EQ(delivery.settled, 0u);
  ASSERT_FALSE(delivery.status.has_value());
  EXPECT_THAT(delivery.status.error().message, AllOf(HasSubstr("'brine-returns'"), HasSubstr("create it")));
  kafka.fail_topic("brine-returns", RD_KAFKA_RESP_ERR_NO_ERROR);
  const Delivery again = returner->deliver(records, {});
  EXPECT_TRUE(again.status.has_value()) << again.status.error().message;
}

TEST_F(KafkaReturnerTest, AProducerThatHasFailedForGoodIsReplaced) {
  kafka.fail_next(kInitProducerId, {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED});
  const auto returner = kafka.open();
  const auto records = records_from_to(1, 2);
  const Delivery delivery = returner->deliver(records, {});
  EXPECT_EQ(delivery.settled, 0u);
  ASSERT_FALSE(delivery.status.has_value());
  EXPECT_EQ(delivery.status.error().code, Code::kUnavailable);
  EXPECT_THAT(delivery.status.error().message, HasSubstr("luster authorization"));
  const Delivery again = returner->deliver(records, {});
  EXPECT_TRUE(again.status.has_value()) << again.status.error().message;
}

// ---- records that are never taken --------------------------------------------------------------------------------------------

TEST_F(KafkaReturnerTest, OfABatchThatABrokerRefusesOnlyTheRecordIsRefusedThatIsTooLargeAlone) {
  std::vector<Record> records;
  for (std::uint64_t number = 1; number <= 3; ++number) {
    store::OutboxEntry entry = entry_number(number);
    entry.value.minion = MinionId::trusted("web");  // one partition, one request
    records.push_back(record_of(std::move(entry)));
  }
  const auto returner = kafka.open();
  deliver(*returner, records_from_to(50, 50));
  // All three together, then each alone: the second is the one.
  kafka.fail_next(kProduce, {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_NO_ERROR, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE});
  const auto refused = deliver(*returner, records);
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_THAT(refused.at(1), AllOf(HasSubstr("too large"), HasSubstr("max.message.bytes")));
  EXPECT_THAT(kafka.values("brine-returns"),
              testing::UnorderedElementsAre(records_from_to(50, 50)[0].json, records[0].json, records[2].json));
}

TEST_F(KafkaReturnerTest, ARecordThatDoesNotFitIntoTheQueueIsRefusedAndSmallerOnesGoOn) {
  auto config = kafka.config();
  config.settings["message.max.bytes"] = "10000000";
  config.settings["queue.buffering.max.kbytes"] = "2000";
  std::vector<Record> records = records_from_to(1, 2);
  records.insert(records.begin() + 1, record_of_size(500, 3'000'000));
  const auto refused = deliver(*kafka.open(config), records);
  EXPECT_EQ(refused.size(), 1u);
  EXPECT_TRUE(refused.contains(1));
}

TEST_F(KafkaReturnerTest, ABatchLargerThanTheQueueIsDeliveredInPortions) {
  auto config = kafka.config();
  config.settings["queue.buffering.max.messages"] = "10";
  const auto records = records_from_to(1, 200);
  const auto returner = kafka.open(config);
  const Delivery delivery = returner->deliver(records, {});
  EXPECT_TRUE(delivery.status.has_value()) << delivery.status.error().message;
  EXPECT_THAT(kafka.values("brine-returns"), testing::UnorderedElementsAreArray(texts_of(records)));
}

// ---- settings ----------------------------------------------------------------------------------------------------------------

std::string mistake_of(const config::KafkaReturnerConfig& config) {
  const auto returner = open_kafka_returner(config);
  if (returner) return "";
  EXPECT_EQ(returner.error().code, Code::kInvalid) << returner.error().message;
  return returner.error().message;
}

std::string mistake_in(std::map<std::string, std::string> settings) {
  return mistake_of(config::KafkaReturnerConfig{.brokers = "127.0.0.1:1", .settings = std::move(settings)});
}

TEST(KafkaSettings, AKeyThatLibrdkafkaDoesNotKnowIsAMistakeWithTheNearestThatItDoes) {
  EXPECT_THAT(mistake_in({{"compresion.type", "lz4"}}),
              AllOf(HasSubstr("\"compresion.type\""), HasSubstr("did you mean 'compression.type'?")));
}

TEST(KafkaSettings, AValueThatItDoesNotTakeIsAMistakeWithTheNearestThatItDoes) {
  EXPECT_THAT(mistake_in({{"security.protocol", "sasl_tls"}}), AllOf(HasSubstr("security.protocol"), HasSubstr("sasl_ssl")));
  EXPECT_THAT(mistake_in({{"linger.ms", "-7"}}),
              HasSubstr("'linger.ms': Configuration property \"queue.buffering.max.ms\" value -7 is outside"));
}

TEST(KafkaSettings, SettingsThatDoNotGoTogetherAreAMistakeInItsWords) {
  EXPECT_THAT(mistake_in({{"security.protocol", "ssl"}, {"ssl.ca.location", "/nowhere/ca.pem"}}), HasSubstr("ssl.ca.location"));
  EXPECT_THAT(mistake_in({{"max.in.flight", "50"}}), HasSubstr("max.in.flight"));
}

TEST(KafkaSettings, WhatThePromiseDependsOnCannotBeSet) {
  EXPECT_THAT(mistake_in({{"acks", "1"}}), HasSubstr("'acks' cannot be set"));
  EXPECT_THAT(mistake_in({{"enable.idempotence", "false"}}), HasSubstr("'enable.idempotence' cannot be set"));
  EXPECT_THAT(mistake_in({{"bootstrap.servers", "a:1"}}), HasSubstr("'brokers'"));
  EXPECT_THAT(mistake_in({{"message.timeout.ms", "1"}}), HasSubstr("'delivery_timeout'"));
}

TEST(KafkaSettings, ItOpensWithoutWaitingForABroker) {
  EXPECT_EQ(mistake_in(
                {{"security.protocol", "sasl_plaintext"}, {"sasl.mechanism", "PLAIN"}, {"sasl.username", "brine"}, {"sasl.password", "x"}}),
            "");
}

class KafkaPassword : public testing::Test {
 protected:
  config::KafkaReturnerConfig with_password(const std::string& text, mode_t mode) const {
    config::KafkaReturnerConfig config{.brokers = "127.0.0.1:1", .password_file = folder.path() + "/password"};
    config.settings = {{"security.protocol", "sasl_plaintext"}, {"sasl.mechanism", "PLAIN"}, {"sasl.username", "brine"}};
    std::ofstream(config.password_file) << text;
    ::chmod(config.password_file.c_str(), mode);
    return config;
  }

  store::ScratchFolder folder;
};

TEST_F(KafkaPassword, ComesFromAFileThatNobodyElseMayRead) {
  EXPECT_TRUE(open_kafka_returner(with_password("secret\n", 0600)).has_value());
  const auto readable = open_kafka_returner(with_password("secret\n", 0644));
  ASSERT_FALSE(readable.has_value());
  EXPECT_EQ(readable.error().code, Code::kDenied);
  EXPECT_THAT(readable.error().message, HasSubstr("chmod 600"));
}

TEST_F(KafkaPassword, AnEmptyFileIsAMistake) { EXPECT_THAT(mistake_of(with_password("\n", 0600)), HasSubstr("is empty")); }

TEST_F(KafkaPassword, IsNotGivenTwice) {
  auto config = with_password("secret", 0600);
  config.settings["sasl.password"] = "other";
  EXPECT_THAT(mistake_of(config), HasSubstr("keep one of them"));
}

TEST_F(KafkaPassword, AFileThatIsNotThereIsNamed) {
  const auto returner = open_kafka_returner({.brokers = "127.0.0.1:1", .password_file = "/nowhere/password"});
  ASSERT_FALSE(returner.has_value());
  EXPECT_THAT(returner.error().message, HasSubstr("/nowhere/password"));
}

}  // namespace
}  // namespace brine::returners
