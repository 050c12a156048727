#include "loadtest/client_stream.h"

#include <gtest/gtest.h>

#include "net/zmtp.h"

namespace brine::loadtest {
namespace {

constexpr StreamOptions kOptions{
    .heartbeat = milliseconds(100), .heartbeat_timeout = milliseconds(300), .max_message = 1'000, .max_output = 500};

class Streams : public testing::Test {
 protected:
  Streams() : stream_(kOptions, now_) {}

  // What the stream wants to write, taken, as its server's reader sees it.
  std::vector<std::string> sent(std::size_t most = SIZE_MAX) {
    std::vector<std::string> messages;
    const std::string bytes(stream_.waiting().substr(0, most));
    stream_.written(bytes.size());
    const auto fed = server_.feed(bytes, replies_, [&](std::string_view message) {
      messages.emplace_back(message);
      return true;
    });
    EXPECT_TRUE(fed) << fed.error().message;
    return messages;
  }
  void open() {
    sent();
    ASSERT_TRUE(stream_.take(net::zmtp_server_opening(), messages_, now_));
    ASSERT_TRUE(stream_.ready());
    ASSERT_TRUE(server_.opened());
  }
  void advance(int ms) { now_ += milliseconds(ms); }

  MonoTime now_ = MonoTime(std::chrono::hours(1));
  ClientStream stream_;
  net::ZmtpReader server_{1'000};
  std::string replies_;  // of the server: PONGs
  std::deque<std::string> messages_;
};

TEST_F(Streams, SpeaksTheOpeningThatAServerAccepts) { open(); }

TEST_F(Streams, TakesNoMessageBeforeTheServerIsReady) {
  EXPECT_FALSE(stream_.queue("early"));
  open();
  EXPECT_TRUE(stream_.queue("now"));
  EXPECT_EQ(sent(), std::vector<std::string>{"now"});
}

TEST_F(Streams, MessagesComeWholeHoweverTheirBytesAreCut) {
  open();
  std::string bytes;
  net::append_zmtp_message(bytes, "first");
  net::append_zmtp_message(bytes, std::string(700, 'x'));
  for (const char byte : bytes) ASSERT_TRUE(stream_.take({&byte, 1}, messages_, now_));
  EXPECT_EQ(messages_, (std::deque<std::string>{"first", std::string(700, 'x')}));
}

TEST_F(Streams, WhatWaitsIsBoundedAndThereIsRoomAgainWhenItIsWritten) {
  open();
  ASSERT_TRUE(stream_.queue(std::string(300, 'a')));
  EXPECT_FALSE(stream_.queue(std::string(300, 'b')));
  EXPECT_TRUE(sent(200).empty()) << "the first is not whole yet";
  ASSERT_TRUE(stream_.queue(std::string(300, 'c')));
  EXPECT_EQ(sent(), (std::vector<std::string>{std::string(300, 'a'), std::string(300, 'c')}));
  EXPECT_TRUE(stream_.waiting().empty());
}

TEST_F(Streams, PingsInTheRhythmOfLibzmqWhateverElseIsSaid) {
  open();
  EXPECT_EQ(stream_.next_beat(), now_ + milliseconds(100));
  advance(99);
  ASSERT_TRUE(stream_.beat(now_));
  EXPECT_TRUE(stream_.waiting().empty());
  ASSERT_TRUE(stream_.queue("talking"));
  sent();
  advance(1);
  ASSERT_TRUE(stream_.beat(now_));
  sent();
  EXPECT_FALSE(replies_.empty()) << "the server has seen a PING and answers it";
  EXPECT_EQ(stream_.next_beat(), now_ + milliseconds(100));
}

TEST_F(Streams, AnyByteFromThePeerKeepsTheLinkAndSilenceEndsIt) {
  open();
  advance(250);
  ASSERT_TRUE(stream_.beat(now_));
  sent();
  ASSERT_TRUE(stream_.take(replies_, messages_, now_)) << "a PONG";
  advance(299);
  EXPECT_TRUE(stream_.beat(now_));
  advance(1);
  EXPECT_EQ(stream_.beat(now_).error().code, Code::kTimeout);
}

TEST_F(Streams, BeforeReadyNobodyIsPingedNorGivenUp) {
  EXPECT_EQ(stream_.next_beat(), MonoTime::max());
  advance(100'000);
  EXPECT_TRUE(stream_.beat(now_));
}

TEST_F(Streams, AnswersThePingsOfTheServer) {
  open();
  std::string ping;
  net::append_zmtp_ping(ping, milliseconds(15'000));
  ASSERT_TRUE(stream_.take(ping, messages_, now_));
  EXPECT_NE(stream_.waiting().find("PONG"), std::string_view::npos);
}

TEST_F(Streams, AMessageOverTheLimitEndsTheConnection) {
  open();
  std::string bytes;
  net::append_zmtp_message(bytes, std::string(1'001, 'x'));
  EXPECT_EQ(stream_.take(bytes, messages_, now_).error().code, Code::kFull);
}

}  // namespace
}  // namespace brine::loadtest
