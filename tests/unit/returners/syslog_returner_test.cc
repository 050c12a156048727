#include "returners/syslog/syslog_returner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/returners/contract.h"
#include "tests/unit/returners/outbox_entries.h"
#include "tests/unit/returners/syslog_receiver.h"

namespace brine::returners {
namespace {

using testing::ElementsAreArray;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::SizeIs;

constexpr std::uint64_t kMaxMessage = 65'536;

std::unique_ptr<Returner> open_for(const std::string& address, std::uint64_t max_message = kMaxMessage,
                                   milliseconds timeout = std::chrono::seconds(10)) {
  auto returner = open_syslog_returner({.address = address, .max_message = max_message, .timeout = timeout});
  EXPECT_TRUE(returner.has_value()) << (returner ? "" : returner.error().message);
  return returner ? std::move(*returner) : nullptr;
}

// The JSON is what follows the structured data.
std::vector<std::string> json_in(const std::vector<std::string>& messages) {
  std::vector<std::string> texts;
  for (const std::string& message : messages) {
    const std::size_t end = message.find("] {");
    texts.push_back(end == std::string::npos ? message : message.substr(end + 2));
  }
  return texts;
}

std::vector<Record> large_records(std::uint64_t first, std::uint64_t last, std::size_t bytes) {
  std::vector<Record> records;
  for (std::uint64_t number = first; number <= last; ++number)
    records.push_back(record_of(entry_number(number, "\"" + std::string(bytes, 'x') + "\"")));
  return records;
}

TEST(SyslogReturner, AnAddressThatCannotBeReadIsAnErrorAtOnce) {
  const auto returner = open_syslog_returner({.address = "http://logs"});
  ASSERT_FALSE(returner.has_value());
  EXPECT_EQ(returner.error().code, Code::kInvalid);
}

TEST(SyslogReturner, ServerThatIsAwayIsNamed) {
  SyslogReceiver receiver(Wire::kTcp);
  receiver.close();
  const Delivery delivery = open_for(receiver.address())->deliver(records_from_to(1, 1), {});
  ASSERT_FALSE(delivery.status.has_value());
  EXPECT_THAT(delivery.status.error().message, HasSubstr("cannot send to " + receiver.address()));
  EXPECT_THAT(delivery.status.error().message, HasSubstr("Connection refused"));
  const Delivery local = open_for("unix:///nowhere/log")->deliver(records_from_to(1, 1), {});
  ASSERT_FALSE(local.status.has_value());
  EXPECT_THAT(local.status.error().message, HasSubstr("No such file"));
}

TEST(SyslogReturner, LongMessageIsRefusedWithItsSizeAndTheOthersArriveInOrder) {
  SyslogReceiver receiver(Wire::kTcp);
  const auto returner = open_for(receiver.address(), 1'000);
  std::vector<Record> records = records_from_to(1, 4);
  records[0] = large_records(1, 1, 2'000)[0];
  records[2] = large_records(3, 3, 2'000)[0];
  const Delivery delivery = returner->deliver(records, {});
  EXPECT_EQ(delivery.settled, 4u);
  EXPECT_TRUE(delivery.status.has_value());
  ASSERT_THAT(delivery.refused, SizeIs(2));
  EXPECT_EQ(delivery.refused[0].index, 0u);
  EXPECT_EQ(delivery.refused[1].index, 2u);
  EXPECT_THAT(delivery.refused[0].why, HasSubstr("max_message is 1000"));
  EXPECT_THAT(json_in(receiver.messages()), ElementsAreArray({records[1].json, records[3].json}));
}

TEST(SyslogReturner, ManyLargeMessagesArriveWhole) {
  const auto records = large_records(1, 20, 60'000);
  for (const Wire wire : {Wire::kTcp, Wire::kUnixStream, Wire::kUnixDatagram}) {
    SyslogReceiver receiver(wire);
    const Delivery delivery = open_for(receiver.address())->deliver(records, {});
    ASSERT_TRUE(delivery.status.has_value()) << delivery.status.error().message;
    EXPECT_EQ(delivery.settled, 20u);
    EXPECT_THAT(json_in(receiver.messages()), ElementsAreArray(texts_of(records)));
  }
}

// More than the buffers of both sides hold: what the kernel took is not confirmed.
TEST(SyslogReturner, WhatAServerDoesNotReadIsNotDeliveredAndAWaitIsBounded) {
  const auto records = large_records(2, 21, 60'000);
  for (const Wire wire : {Wire::kTcp, Wire::kUnixStream, Wire::kUnixDatagram}) {
    SyslogReceiver receiver(wire);
    const auto returner = open_for(receiver.address(), kMaxMessage, std::chrono::milliseconds(300));
    ASSERT_TRUE(returner->deliver(records_from_to(1, 1), {}).status.has_value());
    receiver.pause();
    const Delivery delivery = returner->deliver(records, {});
    ASSERT_FALSE(delivery.status.has_value());
    EXPECT_EQ(delivery.status.error().code, Code::kUnavailable);
    EXPECT_LT(delivery.settled, records.size());
    receiver.resume();
    const Delivery rest = open_for(receiver.address())->deliver(std::span(records).subspan(delivery.settled), {});
    EXPECT_TRUE(rest.status.has_value()) << rest.status.error().message;
    EXPECT_THAT(json_in(receiver.messages()), IsSupersetOf(texts_of(records)));
  }
}

TEST(SyslogReturner, WhatWasNotConfirmedWhenTheConnectionBrokeComesAgain) {
  const auto records = large_records(2, 21, 60'000);
  for (const Wire wire : {Wire::kTcp, Wire::kUnixStream}) {
    SyslogReceiver receiver(wire);
    const auto returner = open_for(receiver.address());
    ASSERT_TRUE(returner->deliver(records_from_to(1, 1), {}).status.has_value());
    receiver.pause();
    Delivery broken;
    std::jthread delivering([&] { broken = returner->deliver(records, {}); });
    receiver.die();
    delivering.join();
    ASSERT_FALSE(broken.status.has_value());
    receiver.open();
    receiver.resume();
    const auto rest = std::span(records).subspan(broken.settled);
    ASSERT_TRUE(returner->deliver(rest, {}).status.has_value());
    const auto expected = texts_of({rest.begin(), rest.end()});
    EXPECT_THAT(json_in(receiver.messages()), IsSupersetOf(expected));
  }
}

TEST(SyslogReturner, AStopEndsAWait) {
  SyslogReceiver receiver(Wire::kTcp);
  const auto returner = open_for(receiver.address(), kMaxMessage, std::chrono::minutes(5));
  receiver.pause();
  std::stop_source stop;
  std::jthread stopping([&] { stop.request_stop(); });
  const Delivery delivery = returner->deliver(large_records(1, 20, 60'000), stop.get_token());
  ASSERT_FALSE(delivery.status.has_value());
  EXPECT_THAT(delivery.status.error().message, HasSubstr("stopping"));
}

TEST(SyslogReturner, AServerThatCameBackBetweenTwoBatchesIsFoundAgain) {
  SyslogReceiver receiver(Wire::kTcp);
  const auto returner = open_for(receiver.address());
  ASSERT_TRUE(returner->deliver(records_from_to(1, 1), {}).status.has_value());
  receiver.close();
  receiver.open();
  const Delivery delivery = returner->deliver(records_from_to(2, 3), {});
  EXPECT_TRUE(delivery.status.has_value());
  EXPECT_THAT(json_in(receiver.messages()), ElementsAreArray(texts_of(records_from_to(1, 3))));
}

// ---- the contract of all returners -------------------------------------------------------------------------------------------

template <Wire Transport>
class SyslogBackend final : public Backend {
 public:
  std::unique_ptr<Returner> open() override { return open_for(receiver_.address(), Transport == Wire::kUdp ? 1U << 20 : kMaxMessage); }
  std::vector<std::string> received() override { return json_in(receiver_.messages()); }
  void go_away() override { receiver_.close(); }
  void come_back() override { receiver_.open(); }
  // UDP: no datagram is that long.
  std::optional<Record> unacceptable() override { return large_records(9, 9, 70'000)[0]; }

 private:
  SyslogReceiver receiver_{Transport};
};

INSTANTIATE_TEST_SUITE_P(Syslog, ReturnerContract,
                         testing::Values(backend_kind<SyslogBackend<Wire::kUnixDatagram>>("unix_datagram"),
                                         backend_kind<SyslogBackend<Wire::kUnixStream>>("unix_stream"),
                                         backend_kind<SyslogBackend<Wire::kTcp>>("tcp"), backend_kind<SyslogBackend<Wire::kUdp>>("udp")),
                         kind_name);

}  // namespace
}  // namespace brine::returners
