#include "net/zmtp_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/zmtp.h"

namespace brine::net {
namespace {

using testing::ElementsAre;

struct Reading {
  ZmtpClientReader reader{1024};
  std::string out;
  std::deque<std::string> messages;
  Status feed(std::string_view bytes) { return reader.feed(bytes, out, messages); }
};

std::string opened_with(std::string_view more) { return zmtp_server_opening() + std::string(more); }

TEST(ZmtpClient, ItsOpeningSatisfiesTheServer) {
  ZmtpReader server(1024);
  std::string stream = zmtp_client_opening();
  append_zmtp_message(stream, "hello");
  std::string out;
  std::vector<std::string> messages;
  ASSERT_TRUE(server.feed(stream, out, [&](std::string_view message) {
    messages.emplace_back(message);
    return true;
  }));
  EXPECT_THAT(messages, ElementsAre("hello"));
}

TEST(ZmtpClient, ReadsShortAndLongMessagesByteByByte) {
  Reading reading;
  std::string stream = zmtp_server_opening();
  append_zmtp_message(stream, "short");
  append_zmtp_message(stream, std::string(300, 'x'));
  for (const char byte : stream) ASSERT_TRUE(reading.feed(std::string_view(&byte, 1)));
  EXPECT_THAT(reading.messages, ElementsAre("short", std::string(300, 'x')));
}

TEST(ZmtpClient, AnswersPingWithItsContext) {
  Reading reading;
  ASSERT_TRUE(
      reading.feed(opened_with(std::string("\x04\x09\x04PING\0\x0a"
                                           "ab",
                                           11))));
  EXPECT_EQ(reading.out, std::string("\x04\x07\x04PONG"
                                     "ab",
                                     9));
}

TEST(ZmtpClient, RefusesWhatIsNotZmtp3) {
  EXPECT_FALSE(Reading().feed("HTTP/1.1 400 Bad Request"));
  std::string curve = zmtp_server_opening();
  curve.replace(12, 5, "CURVE");
  EXPECT_FALSE(Reading().feed(curve));
}

TEST(ZmtpClient, RefusesMessagesOfSeveralFrames) { EXPECT_FALSE(Reading().feed(opened_with(std::string("\x01\x01x", 3)))); }

TEST(ZmtpClient, RefusesAFrameOverTheLimitBeforeItsBytesCome) {
  EXPECT_FALSE(Reading().feed(opened_with(std::string("\x02\0\0\0\0\0\0\x04\x01", 9))));
}

TEST(ZmtpClient, RefusesAMessageBeforeReady) {
  EXPECT_FALSE(Reading().feed(zmtp_server_opening().substr(0, 64) + std::string("\0\x01x", 3)));
}

}  // namespace
}  // namespace brine::net
