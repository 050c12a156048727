// The handshake with somebody in between: every byte altered, cut, repeated, taken from elsewhere.
#include <gtest/gtest.h>

#include "net/handshake.h"
#include "tests/unit/net/handshake_pair.h"
#include "wire/frame.h"

namespace brine::net {
namespace {

using wire::FrameType;

// Full and resumed handshakes alike.
class HandshakeAttackTest : public testing::TestWithParam<bool> {
 protected:
  HandshakeAttackTest() {
    if (GetParam()) options_.ticket = pair_.ticket_for(pair_.run().server);
    pair_.begin_again(options_);
  }

  static std::string flipped(std::string bytes, std::size_t at, int flip) {
    bytes[at] = static_cast<char>(bytes[at] ^ flip);
    return bytes;
  }

  HandshakePair pair_;
  ClientOptions options_ = minion_options();
};

TEST_P(HandshakeAttackTest, EveryAlteredByteOfTheClientHelloEndsIt) {
  const std::string frame = pair_.client->hello();
  for (std::size_t at = 0; at < frame.size(); ++at) {
    for (const int flip : {0x01, 0x80}) {
      ServerHandshake server(pair_.server_identity, pair_.tickets);
      const std::string body = body_of(flipped(frame, at, flip), FrameType::kClientHello);
      if (body.empty() || !server.begin(body, kNow)) continue;
      const auto answer = server.reply();
      if (!answer) continue;
      EXPECT_FALSE(pair_.client->finish(body_of(*answer, FrameType::kServerHello), kNow)) << at;
    }
  }
}

// The minion notices, or, where the altered byte means nothing to Cap'n Proto, the master does when the finish comes.
TEST_P(HandshakeAttackTest, EveryAlteredByteOfTheServerHelloEndsIt) {
  ASSERT_TRUE(pair_.server->begin(pair_.hello(), kNow));
  const std::string frame = pair_.server->reply().value();
  for (std::size_t at = 0; at < frame.size(); ++at) {
    for (const int flip : {0x01, 0x80}) {
      const std::string body = body_of(flipped(frame, at, flip), FrameType::kServerHello);
      const auto step = pair_.client->finish(body, kNow);
      if (step) {
        EXPECT_FALSE(pair_.server->finish(body_of(step->finish_frame, FrameType::kClientFinish))) << at;
      }
    }
  }
  EXPECT_TRUE(pair_.client->finish(body_of(frame, FrameType::kServerHello), kNow));
}

// What was altered is refused; or, where the altered byte means nothing to Cap'n Proto, it is in the transcript, and so both sides have
// nothing in common: not even the master's Welcome opens.
TEST_P(HandshakeAttackTest, NoAlteredByteOfTheClientFinishGivesASession) {
  const auto step = pair_.client->finish(pair_.answer(pair_.hello()).value(), kNow).value();
  int without_meaning = 0;
  for (std::size_t at = 0; at < step.finish_frame.size(); ++at) {
    for (int flip = 1; flip < 256; ++flip) {
      const std::string body = body_of(flipped(step.finish_frame, at, flip), FrameType::kClientFinish);
      ServerHandshake server = *pair_.server;
      const auto peer = body.empty() ? Result<ServerHandshake::Peer>(fail(Code::kInvalid, "no frame")) : server.finish(body);
      if (!peer) continue;
      ++without_meaning;
      SessionCipher master(peer->keys, Side::kMaster);
      SessionCipher minion(step.keys, Side::kMinion);
      EXPECT_FALSE(minion.open(body_of(master.seal("welcome").value(), FrameType::kSealed))) << at;
      EXPECT_FALSE(master.open(body_of(minion.seal("status").value(), FrameType::kSealed))) << at;
    }
  }
  EXPECT_LE(without_meaning, 64) << "a handful of values of the envelope's sizes";
  EXPECT_TRUE(pair_.server->finish(body_of(step.finish_frame, FrameType::kClientFinish)));
}

TEST_P(HandshakeAttackTest, CutMessagesAreErrors) {
  const std::string hello = pair_.hello();
  const std::string server_hello = pair_.answer(hello).value();
  const std::string finish = body_of(pair_.client->finish(server_hello, kNow).value().finish_frame, FrameType::kClientFinish);
  for (std::size_t size = 0; size < hello.size(); ++size) {
    EXPECT_FALSE(ServerHandshake(pair_.server_identity, pair_.tickets).begin(hello.substr(0, size), kNow)) << size;
  }
  for (std::size_t size = 0; size < server_hello.size(); ++size)
    EXPECT_FALSE(pair_.client->finish(server_hello.substr(0, size), kNow)) << size;
  for (std::size_t size = 0; size < finish.size(); ++size) EXPECT_FALSE(pair_.server->finish(finish.substr(0, size))) << size;
}

TEST_P(HandshakeAttackTest, BytesBehindAMessageEndIt) {
  const std::string more(8, '\0');
  EXPECT_FALSE(pair_.answer(pair_.hello() + more));
  pair_.begin_again(options_);
  const std::string server_hello = pair_.answer(pair_.hello()).value();
  EXPECT_FALSE(pair_.client->finish(server_hello + more, kNow));
  const std::string finish = body_of(pair_.client->finish(server_hello, kNow).value().finish_frame, FrameType::kClientFinish);
  EXPECT_FALSE(pair_.server->finish(finish + more));
}

TEST_P(HandshakeAttackTest, MessagesOfAnotherSessionAreRefused) {
  const std::string old_hello = pair_.hello();
  const std::string old_answer = pair_.answer(old_hello).value();
  const std::string old_finish = body_of(pair_.client->finish(old_answer, kNow).value().finish_frame, FrameType::kClientFinish);
  ASSERT_TRUE(pair_.server->finish(old_finish));

  pair_.begin_again(options_);
  EXPECT_FALSE(pair_.client->finish(old_answer, kNow)) << "a server hello that was heard before";
  ASSERT_TRUE(pair_.answer(old_hello)) << "a hello may be repeated by anybody";
  EXPECT_FALSE(pair_.server->finish(old_finish)) << "but what followed it then is worth nothing now";
}

TEST_P(HandshakeAttackTest, FinishIsTakenOnce) {
  const auto step = pair_.client->finish(pair_.answer(pair_.hello()).value(), kNow).value();
  const std::string finish = body_of(step.finish_frame, FrameType::kClientFinish);
  ASSERT_TRUE(pair_.server->finish(finish));
  EXPECT_FALSE(pair_.server->finish(finish));
}

TEST_P(HandshakeAttackTest, OwnMessagesSentBackAreRefused) {
  EXPECT_FALSE(pair_.client->finish(pair_.hello(), kNow));
  const std::string server_hello = pair_.answer(pair_.hello()).value();
  EXPECT_FALSE(pair_.server->finish(server_hello));
  // Both seals of a handshake are under different keys: the master's proof is no minion's.
  const auto outer = wire::decode_server_hello(server_hello).value();
  EXPECT_FALSE(pair_.server->finish(encode(wire::ClientFinish{outer.proof})));
}

TEST_P(HandshakeAttackTest, FinishBeforeHelloIsRefused) {
  const auto step = pair_.client->finish(pair_.answer(pair_.hello()).value(), kNow).value();
  ServerHandshake fresh(pair_.server_identity, pair_.tickets);
  EXPECT_FALSE(fresh.finish(body_of(step.finish_frame, FrameType::kClientFinish)));
}

TEST_P(HandshakeAttackTest, EphemeralKeyThatForcesTheSecretIsRefused) {
  auto hello = wire::decode_client_hello(pair_.hello()).value();
  auto body = wire::decode_client_hello_body(hello.body).value();
  body.ephemeral = std::string(kKeyBytes, '\0');
  hello.body = encode(body);
  ServerHandshake server(pair_.server_identity, pair_.tickets);
  ASSERT_TRUE(server.begin(encode(hello), kNow));
  EXPECT_FALSE(server.reply());

  auto answer = wire::decode_server_hello(pair_.answer(pair_.hello()).value()).value();
  auto answer_body = wire::decode_server_hello_body(answer.body).value();
  answer_body.ephemeral = std::string(kKeyBytes, '\0');
  answer.body = encode(answer_body);
  EXPECT_EQ(pair_.client->finish(encode(answer), kNow).error().code, Code::kInvalid);
}

INSTANTIATE_TEST_SUITE_P(All, HandshakeAttackTest, testing::Bool(),
                         [](const testing::TestParamInfo<bool>& mode) { return mode.param ? "Resumed" : "Full"; });

}  // namespace
}  // namespace brine::net
