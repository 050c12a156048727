// What a Face does to peers that break the rules, are silent, or are too many.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/face.h"
#include "net/zmtp.h"
#include "tests/unit/net/face_harness.h"
#include "tests/unit/net/zmtp_bytes.h"

namespace brine::net {
namespace {

// ---- frames ----------------------------------------------------------------------------------------------------------------

TEST(FaceLimits, FrameOver4096BytesBeforeAuthenticationClosesTheConnection) {
  FaceHarness harness;
  RawPeer peer = RawPeer::over_tcp(harness.face().tcp_port());
  peer.open();
  peer.send_message(std::string(4096, 'x'));
  EXPECT_EQ(peer.receive().size(), 4096U);
  peer.send(header(2, 4097));
  EXPECT_TRUE(peer.is_closed());
  EXPECT_EQ(harness.counters().refused, 1U);
}

TEST(FaceLimits, FrameOverMaxMessageAfterAuthenticationClosesTheConnection) {
  FaceOptions options;
  options.max_message = 100'000;
  FaceHarness harness(options);
  RawPeer peer = RawPeer::over_tcp(harness.face().tcp_port());
  peer.authenticate();
  peer.send_message(std::string(100'000, 'x'));
  EXPECT_EQ(peer.receive().size(), 100'000U);
  peer.send(header(2, 100'001));
  EXPECT_TRUE(peer.is_closed());
}

TEST(FaceLimits, PeerThatBreaksTheProtocolIsClosedAndNobodyElse) {
  FaceHarness harness;
  RawPeer good = RawPeer::over_tcp(harness.face().tcp_port());
  good.open();
  for (const std::string& bytes :
       {std::string("GET / HTTP/1.1\r\n\r\n"), greeting(3, 1, "PLAIN"), libzmq_greeting() + message("too early"),
        libzmq_greeting() + libzmq_ready() + "\x01\x02hi", libzmq_greeting() + command("READY", property("Socket-Type", "REQ"))}) {
    RawPeer bad = RawPeer::over_tcp(harness.face().tcp_port());
    bad.send(bytes);
    EXPECT_TRUE(bad.is_closed());
  }
  EXPECT_EQ(harness.counters().refused, 5U);
  good.send_message("still served");
  EXPECT_EQ(good.receive(), "still served");
}

// ---- time ------------------------------------------------------------------------------------------------------------------

TEST(FaceLimits, PeerThatDoesNotAuthenticateInTimeIsClosed) {
  FaceOptions options;
  options.handshake_timeout = milliseconds(200);
  FaceHarness harness(options);
  RawPeer silent = RawPeer::over_tcp(harness.face().tcp_port());
  RawPeer half = RawPeer::over_tcp(harness.face().tcp_port());
  half.send(libzmq_greeting().substr(0, 10));
  RawPeer greeted = RawPeer::over_ipc(harness.ipc_path());
  greeted.send(libzmq_greeting());
  RawPeer opened = RawPeer::over_ipc(harness.ipc_path());
  opened.open();
  opened.send_message("not auth");
  for (RawPeer* peer : {&silent, &half, &greeted, &opened}) EXPECT_TRUE(peer->is_closed());
  EXPECT_EQ(harness.counters().timed_out, 4U);
}

TEST(FaceLimits, SilentPeerIsPingedAndClosedWhenItDoesNotAnswer) {
  FaceOptions options;
  options.heartbeat = milliseconds(100);
  options.heartbeat_timeout = milliseconds(1'000);
  FaceHarness harness(options);
  RawPeer peer = RawPeer::over_tcp(harness.face().tcp_port());
  peer.authenticate();
  EXPECT_TRUE(peer.is_answered()) << "a PING comes";
  EXPECT_TRUE(peer.is_closed());
  EXPECT_EQ(harness.counters().timed_out, 1U);
}

TEST(FaceLimits, PeerThatAnswersPingsIsKept) {
  FaceOptions options;
  options.handshake_timeout = milliseconds(200);
  options.heartbeat = milliseconds(100);
  options.heartbeat_timeout = milliseconds(600);
  FaceHarness harness(options);
  RawPeer peer = RawPeer::over_tcp(harness.face().tcp_port());
  peer.authenticate();
  while (peer.pings() < 5) ASSERT_TRUE(peer.is_answered());  // at most one a sweep: longer than the timeout in all
  peer.send_message("still here");
  EXPECT_EQ(peer.receive(), "still here");
  EXPECT_EQ(harness.counters().timed_out, 0U);
}

// ---- numbers ---------------------------------------------------------------------------------------------------------------

TEST(FaceLimits, OldestUnauthenticatedPeerMakesRoom) {
  FaceOptions options;
  options.file_budget = 4;
  FaceHarness harness(options);
  const auto port = harness.face().tcp_port();
  RawPeer authenticated = RawPeer::over_tcp(port);
  authenticated.authenticate();
  RawPeer oldest = RawPeer::over_tcp(port);
  oldest.open();
  RawPeer second = RawPeer::over_tcp(port);
  second.open();
  RawPeer third = RawPeer::over_tcp(port);
  third.open();
  RawPeer newest = RawPeer::over_tcp(port);
  newest.open();
  EXPECT_TRUE(oldest.is_closed());
  EXPECT_EQ(harness.counters().evicted, 1U);
  for (RawPeer* peer : {&authenticated, &second, &third, &newest}) {
    peer->send_message("still here");
    EXPECT_EQ(peer->receive(), "still here");
  }
}

TEST(FaceLimits, AcceptingPausesWhenAllAreAuthenticatedAndResumesWhenOneLeaves) {
  FaceOptions options;
  options.file_budget = 2;
  FaceHarness harness(options);
  const auto port = harness.face().tcp_port();
  RawPeer first = RawPeer::over_tcp(port);
  first.authenticate();
  RawPeer second = RawPeer::over_tcp(port);
  second.authenticate();
  RawPeer waiting = RawPeer::over_tcp(port);
  EXPECT_TRUE(harness.record().eventually([&] { return harness.counters().accept_pauses == 1; }));
  EXPECT_EQ(harness.counters().open, 2);
  first.hang_up();
  waiting.authenticate();
  second.send_message("undisturbed");
  EXPECT_EQ(second.receive(), "undisturbed");
  EXPECT_EQ(harness.counters().evicted, 0U);
}

TEST(FaceLimits, UnauthenticatedPeersShareOneBudgetOfBytes) {
  FaceOptions options;
  options.unauthenticated_budget = 6'000;
  FaceHarness harness(options);
  const std::string part = header(2, 4096) + std::string(4'000, 'x');
  RawPeer first = RawPeer::over_tcp(harness.face().tcp_port());
  first.open();
  first.send(part);
  ASSERT_TRUE(harness.record().eventually([&] { return harness.counters().unauthenticated_bytes > 4'000; }));
  RawPeer second = RawPeer::over_tcp(harness.face().tcp_port());
  second.open();
  second.send(part);
  EXPECT_TRUE(second.is_closed());
  EXPECT_EQ(harness.counters().refused, 1U);
  first.send(std::string(96, 'x'));
  EXPECT_EQ(first.receive().size(), 4096U);
}

TEST(FaceLimits, BudgetOfBytesIsGivenBackByAuthenticationAndByTheEnd) {
  FaceHarness harness;
  RawPeer first = RawPeer::over_tcp(harness.face().tcp_port());
  first.open();
  first.send(header(2, 4096) + std::string(4'000, 'x'));
  RawPeer second = RawPeer::over_tcp(harness.face().tcp_port());
  second.authenticate();
  ASSERT_TRUE(harness.record().eventually([&] { return harness.counters().unauthenticated_bytes > 4'000; }));
  first.hang_up();
  EXPECT_TRUE(harness.record().eventually([&] { return harness.counters().unauthenticated_bytes == 0; }));
}

}  // namespace
}  // namespace brine::net
