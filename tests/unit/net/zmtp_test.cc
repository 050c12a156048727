#include "net/zmtp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/zmtp_client.h"
#include "tests/unit/net/zmtp_bytes.h"

namespace brine::net {
namespace {

using namespace std::string_view_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::size_t kLimit = 4096;

class ZmtpTest : public testing::Test {
 protected:
  Status feed(std::string_view bytes) {
    return reader_.feed(bytes, out_, [this](std::string_view message) {
      messages_.emplace_back(message);
      return true;
    });
  }
  void open() {
    ASSERT_TRUE(feed(libzmq_greeting() + libzmq_ready()));
    ASSERT_TRUE(reader_.opened());
  }
  void expect_refused(std::string_view bytes, Code code, std::string_view why) {
    const auto fed = feed(bytes);
    ASSERT_FALSE(fed);
    EXPECT_EQ(fed.error().code, code);
    EXPECT_THAT(fed.error().message, HasSubstr(std::string(why)));
  }

  ZmtpReader reader_{kLimit};
  std::string out_;
  std::vector<std::string> messages_;
};

TEST_F(ZmtpTest, OpeningOfLibzmqIsTakenInThePiecesItComesIn) {
  const std::string greeting = libzmq_greeting();
  EXPECT_TRUE(feed(greeting.substr(0, 10)));
  EXPECT_TRUE(feed(greeting.substr(10)));
  EXPECT_FALSE(reader_.opened());
  EXPECT_TRUE(feed(libzmq_ready()));
  EXPECT_TRUE(reader_.opened());
  EXPECT_THAT(out_, IsEmpty());
}

TEST_F(ZmtpTest, MessagesComeWholeAndInOrder) {
  open();
  ASSERT_TRUE(feed(message("a") + message("") + message(std::string(255, 'b')) + message(std::string(256, 'c'))));
  EXPECT_THAT(messages_, ElementsAre("a", "", std::string(255, 'b'), std::string(256, 'c')));
  EXPECT_EQ(reader_.pending_bytes(), 0U);
}

TEST_F(ZmtpTest, FeedingByteByByteGivesTheSameAsFeedingAllAtOnce) {
  const std::string all = libzmq_greeting() + libzmq_ready() + message("first") +
                          command("PING",
                                  "\0\x0a"
                                  "context"sv) +
                          message("") + message(std::string(3000, 'x')) + command("PONG", "") + message("last");
  ASSERT_TRUE(feed(all));
  const auto whole = messages_;
  const std::string whole_out = out_;
  ASSERT_EQ(whole.size(), 4U);
  for (const std::size_t piece : {1U, 2U, 3U, 7U, 63U, 65U, 1000U}) {
    reader_ = ZmtpReader(kLimit);
    messages_.clear();
    out_.clear();
    for (std::size_t at = 0; at < all.size(); at += piece) ASSERT_TRUE(feed(std::string_view(all).substr(at, piece)));
    EXPECT_EQ(messages_, whole) << piece;
    EXPECT_EQ(out_, whole_out) << piece;
  }
}

TEST_F(ZmtpTest, OlderZmtpIsRefusedAsSoonAsItIsSeen) {
  expect_refused("\x01\x00"sv, Code::kInvalid, "not a ZMTP 3 greeting");  // 1.0: an identity of no bytes
  reader_ = ZmtpReader(kLimit);
  expect_refused("\xff\0\0\0\0\0\0\0\1\x00"sv, Code::kInvalid, "not a ZMTP 3 greeting");
  reader_ = ZmtpReader(kLimit);
  expect_refused("\xff\0\0\0\0\0\0\0\1\x7f\x01"sv, Code::kUnsupported, "ZMTP 1 and 2");  // 2.0
}

TEST_F(ZmtpTest, OtherProtocolsAreRefusedAtTheirFirstByte) {
  for (const auto bytes : {"G"sv, "\x16"sv, "S"sv, "\0"sv}) {
    reader_ = ZmtpReader(kLimit);
    expect_refused(bytes, Code::kInvalid, "not a ZMTP 3 greeting");
  }
}

TEST_F(ZmtpTest, LaterMinorAndMajorVersionsAreTaken) {
  for (const auto& [major, minor] : {std::pair{3, 0}, {3, 1}, {3, 9}, {4, 0}}) {
    reader_ = ZmtpReader(kLimit);
    EXPECT_TRUE(feed(greeting(static_cast<unsigned char>(major), static_cast<unsigned char>(minor), "NULL"))) << major;
  }
}

TEST_F(ZmtpTest, OtherMechanismsAndServersAreRefused) {
  for (const auto mechanism : {"PLAIN"sv, "CURVE"sv, "NULLX"sv, "null"sv, ""sv}) {
    reader_ = ZmtpReader(kLimit);
    expect_refused(greeting(3, 1, mechanism), Code::kUnsupported, "NULL");
  }
  reader_ = ZmtpReader(kLimit);
  expect_refused(greeting(3, 1, "NULL", true), Code::kInvalid, "server");
}

TEST_F(ZmtpTest, OnlyDealersAreServed) {
  for (const auto type : {"REQ"sv, "ROUTER"sv, "SUB"sv, "PUB"sv, "dealer"sv, "DEALERS"sv, ""sv}) {
    reader_ = ZmtpReader(kLimit);
    expect_refused(libzmq_greeting() + command("READY", property("Socket-Type", type)), Code::kUnsupported, "DEALER");
  }
  reader_ = ZmtpReader(kLimit);
  expect_refused(libzmq_greeting() + command("READY", ""), Code::kUnsupported, "DEALER");
}

TEST_F(ZmtpTest, IdentityAndUnknownPropertiesAreIgnored) {
  ASSERT_TRUE(feed(libzmq_greeting() + command("READY", property("Identity", "\0me"sv) + property("socket-TYPE", "DEALER") +
                                                            property("X-Other", std::string(200, 'o')))));
  EXPECT_TRUE(reader_.opened());
}

TEST_F(ZmtpTest, ReadyWhoseLengthsDoNotFitIsRefused) {
  const std::string sound = property("Socket-Type", "DEALER");
  for (std::size_t size = 1; size < sound.size(); ++size) {
    reader_ = ZmtpReader(kLimit);
    expect_refused(libzmq_greeting() + command("READY", sound.substr(0, size)), Code::kInvalid, "malformed");
  }
  reader_ = ZmtpReader(kLimit);
  expect_refused(libzmq_greeting() + command("READY", sound + "\x01X\xff\xff\xff\xff"), Code::kInvalid, "malformed");
}

TEST_F(ZmtpTest, MoreIsRefusedAtItsFlag) {
  open();
  expect_refused("\x01\x00"sv, Code::kInvalid, "MORE");
  EXPECT_THAT(messages_, IsEmpty());
}

TEST_F(ZmtpTest, ReservedFlagsAreRefused) {
  for (const int flags : {0x08, 0x10, 0x20, 0x40, 0x80, 0xff}) {
    reader_ = ZmtpReader(kLimit);
    open();
    expect_refused(header(static_cast<unsigned char>(flags), 0).substr(0, 1) + '\0', Code::kInvalid, "reserved");
  }
}

TEST_F(ZmtpTest, FrameOverTheLimitIsRefusedAtItsHeader) {
  open();
  ASSERT_TRUE(feed(message(std::string(kLimit, 'x'))));
  expect_refused(header(2, kLimit + 1), Code::kFull, "over the limit of 4096");
  for (const unsigned long long size : {1ULL << 31, 1ULL << 32, 1ULL << 63, ~0ULL}) {
    reader_ = ZmtpReader(kLimit);
    open();
    expect_refused(header(2, size), Code::kFull, "over the limit");
    EXPECT_LE(reader_.pending_bytes(), 64U);
  }
}

TEST_F(ZmtpTest, RaisedLimitHoldsFromThenOn) {
  open();
  reader_.set_frame_limit(1U << 20);
  EXPECT_TRUE(feed(message(std::string(1U << 20, 'x'))));
  expect_refused(header(2, (1U << 20) + 1), Code::kFull, "over the limit");
}

TEST_F(ZmtpTest, PingIsAnsweredWithItsContext) {
  open();
  ASSERT_TRUE(feed(command("PING", "\0\x0a"sv)));
  EXPECT_EQ(out_, command("PONG", ""));
  out_.clear();
  ASSERT_TRUE(feed(command("PING",
                           "\0\x0a"
                           "sixteen bytes..."sv)));
  EXPECT_EQ(out_, command("PONG", "sixteen bytes..."));
  ASSERT_TRUE(feed(command("PONG", "whatever")));
}

TEST_F(ZmtpTest, MalformedPingIsRefused) {
  for (const auto data : {""sv, "\0"sv,
                          "\0\x0a"
                          "seventeen bytes.."sv}) {
    reader_ = ZmtpReader(kLimit);
    open();
    expect_refused(command("PING", data), Code::kInvalid, "PING");
  }
}

TEST_F(ZmtpTest, UnknownAndMalformedCommandsAreRefused) {
  for (const auto& bytes :
       {command("SUBSCRIBE", "x"), command("ERROR", "\0"sv), command("READY", property("Socket-Type", "DEALER")), command("", ""),
        std::string("\x04\x00", 2), std::string("\x04\x01\x05", 3), std::string("\x04\x03\xffPI", 5)}) {
    reader_ = ZmtpReader(kLimit);
    open();
    EXPECT_FALSE(feed(bytes));
  }
}

TEST_F(ZmtpTest, OversizedCommandIsRefusedAtItsHeader) {
  ASSERT_TRUE(feed(libzmq_greeting()));
  expect_refused(header(6, 513), Code::kFull, "over the limit of 512");
  reader_ = ZmtpReader(kLimit);
  open();
  expect_refused(header(6, ~0ULL), Code::kFull, "over the limit of 512");
}

TEST_F(ZmtpTest, MessageOrCommandBeforeReadyIsRefused) {
  expect_refused(libzmq_greeting() + message("x"), Code::kInvalid, "before READY");
  reader_ = ZmtpReader(kLimit);
  expect_refused(libzmq_greeting() + command("PING", "\0\0"sv), Code::kInvalid, "before READY");
  EXPECT_THAT(messages_, IsEmpty());
}

TEST_F(ZmtpTest, HandlerThatSaysNoGetsNoMoreMessages) {
  open();
  int handed = 0;
  ASSERT_TRUE(reader_.feed(message("a") + message("b"), out_, [&](std::string_view) {
    ++handed;
    return false;
  }));
  EXPECT_EQ(handed, 1);
}

TEST_F(ZmtpTest, EveryAlteredByteOfTheOpeningIsTakenOrRefusedWithAReason) {
  const std::string sound = libzmq_greeting() + libzmq_ready();
  for (std::size_t at = 0; at < sound.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      std::string altered = sound;
      altered[at] = static_cast<char>(value);
      reader_ = ZmtpReader(kLimit);
      if (const auto fed = feed(altered); !fed) {
        EXPECT_FALSE(fed.error().message.empty());
      }
    }
  }
  EXPECT_THAT(messages_, IsEmpty());
}

// ---- what we send ----------------------------------------------------------------------------------------------------------

TEST(ZmtpOutput, OpeningIsAGreetingAndReadyOfARouter) {
  const std::string opening = zmtp_server_opening();
  std::string expected = greeting(3, 1, "NULL");
  expected[8] = '\0';  // the signature's length: any value will do
  EXPECT_EQ(opening, expected + command("READY", property("Socket-Type", "ROUTER")));
}

TEST(ZmtpOutput, MessagesAreFramedByTheirLength) {
  for (const std::size_t size : {0U, 1U, 255U, 256U, 70'000U}) {
    std::string out = "before";
    append_zmtp_message(out, std::string(size, 'x'));
    EXPECT_EQ(out, "before" + message(std::string(size, 'x'))) << size;
  }
}

TEST(ZmtpOutput, PingCarriesItsTimeToLiveInTenthsOfASecond) {
  std::string out;
  append_zmtp_ping(out, std::chrono::milliseconds(15'000));
  EXPECT_EQ(out, command("PING", "\0\x96"sv));
}

TEST(ZmtpClient, BothHalvesUnderstandEachOther) {
  ZmtpReader server(kLimit);
  ZmtpClientReader client(kLimit);
  std::string to_client = zmtp_server_opening();
  std::string to_server = zmtp_client_opening();
  std::vector<std::string> at_server;
  std::deque<std::string> at_client;
  append_zmtp_message(to_server, "up");
  ASSERT_TRUE(server.feed(to_server, to_client, [&](std::string_view bytes) {
    at_server.emplace_back(bytes);
    return true;
  }));
  append_zmtp_ping(to_client, std::chrono::milliseconds(100));
  append_zmtp_message(to_client, "down");
  to_server.clear();
  for (const char byte : to_client) ASSERT_TRUE(client.feed(std::string_view(&byte, 1), to_server, at_client));
  EXPECT_TRUE(client.ready());
  EXPECT_THAT(at_server, ElementsAre("up"));
  EXPECT_THAT(at_client, ElementsAre("down"));
  EXPECT_EQ(to_server, command("PONG", ""));
}

}  // namespace
}  // namespace brine::net
