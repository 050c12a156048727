#include "net/face.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <future>
#include <thread>
#include <zmq.hpp>

#include "net/zmtp.h"
#include "tests/unit/net/face_harness.h"
#include "tests/unit/net/zmtp_bytes.h"

namespace brine::net {
namespace {

using testing::ElementsAre;
using testing::StartsWith;

class Dealer {
 public:
  explicit Dealer(const std::string& endpoint) {
    socket_.set(zmq::sockopt::linger, 0);
    socket_.set(zmq::sockopt::rcvtimeo, static_cast<int>(kPatience.count()));
    socket_.set(zmq::sockopt::sndtimeo, static_cast<int>(kPatience.count()));
    socket_.connect(endpoint);
  }
  std::string ask(const std::string& message) {
    if (!socket_.send(zmq::buffer(message))) return "nothing could be sent";
    zmq::message_t answer;
    return socket_.recv(answer) ? answer.to_string() : "no answer";
  }

 private:
  zmq::context_t context_{1};
  zmq::socket_t socket_{context_, zmq::socket_type::dealer};
};

// ---- exchange --------------------------------------------------------------------------------------------------------------

TEST(Face, DealerExchangesMessagesOverTcp) {
  FaceHarness harness;
  Dealer dealer(harness.tcp_endpoint());
  EXPECT_EQ(dealer.ask("small"), "small");
  EXPECT_EQ(dealer.ask(""), "");
  const auto opened = harness.record().all_opened();
  ASSERT_EQ(opened.size(), 1U);
  EXPECT_FALSE(opened[0].peer.local);
  EXPECT_THAT(opened[0].peer.address, StartsWith("127.0.0.1:"));
  EXPECT_EQ(opened[0].peer.network, "127.0.0.0/24");
}

TEST(Face, DealerExchangesMessagesOverIpcAndItsUidIsKnown) {
  FaceHarness harness;
  Dealer dealer(harness.ipc_endpoint());
  EXPECT_EQ(dealer.ask("small"), "small");
  const auto opened = harness.record().all_opened();
  ASSERT_EQ(opened.size(), 1U);
  EXPECT_TRUE(opened[0].peer.local);
  EXPECT_EQ(opened[0].peer.uid, ::geteuid());
  EXPECT_EQ(opened[0].peer.address, "ipc:" + std::to_string(::geteuid()) + ":" + std::to_string(::getpid()));
}

TEST(Face, LargeMessagesPassAfterAuthentication) {
  FaceHarness harness;
  const std::string large = std::string(1U << 20, 'x') + "end";
  for (const std::string& endpoint : {harness.tcp_endpoint(), harness.ipc_endpoint()}) {
    Dealer dealer(endpoint);
    ASSERT_EQ(dealer.ask("auth"), "auth");
    EXPECT_EQ(dealer.ask(large), large);
  }
}

TEST(Face, LoopsShareTheConnections) {
  FaceOptions options;
  options.loops = 2;
  FaceHarness harness(options);
  std::vector<std::unique_ptr<Dealer>> dealers;
  for (int i = 0; i < 6; ++i) {
    dealers.push_back(std::make_unique<Dealer>(harness.tcp_endpoint()));
    EXPECT_EQ(dealers.back()->ask("x"), "x");
  }
  std::size_t count[2] = {};
  for (const auto& opened : harness.record().all_opened()) ++count[opened.loop];
  EXPECT_THAT(count, ElementsAre(3U, 3U));
}

TEST(Face, ManyMessagesInOneWriteComeInOrder) {
  FaceHarness harness;
  RawPeer peer = RawPeer::over_tcp(harness.face().tcp_port());
  peer.authenticate();
  std::string bytes;
  for (int i = 0; i < 5'000; ++i) append_zmtp_message(bytes, std::to_string(i));
  std::jthread sender([&] { peer.send(bytes); });
  for (int i = 0; i < 5'000; ++i) ASSERT_EQ(peer.receive(), std::to_string(i));
}

TEST(Face, TasksRunOnTheLoopInOrder) {
  FaceHarness harness;
  std::vector<int> order;
  std::promise<void> done;
  for (int i = 0; i < 100; ++i) harness.face().loop(0).post([&order, i] { order.push_back(i); });
  harness.face().loop(0).post([&] { done.set_value(); });
  done.get_future().wait();
  ASSERT_EQ(order.size(), 100U);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

// ---- closing ---------------------------------------------------------------------------------------------------------------

TEST(Face, WhatWasQueuedIsWrittenBeforeAConnectionCloses) {
  FaceHarness harness;
  RawPeer peer = RawPeer::over_ipc(harness.ipc_path());
  peer.authenticate();
  peer.send_message("bye");
  EXPECT_EQ(peer.receive().size(), 1U << 20);
  EXPECT_TRUE(peer.is_closed());
}

TEST(Face, PeerThatIsDroppedIsClosedAndReportedOnce) {
  FaceHarness harness;
  RawPeer peer = RawPeer::over_tcp(harness.face().tcp_port());
  peer.open();
  peer.send_message("drop");
  EXPECT_TRUE(peer.is_closed());
  EXPECT_EQ(harness.record().closed_count(), 1U);
  EXPECT_EQ(harness.counters().open, 0);
}

TEST(Face, PeerThatLeavesIsReported) {
  FaceHarness harness;
  RawPeer first = RawPeer::over_tcp(harness.face().tcp_port());
  first.open();
  RawPeer second = RawPeer::over_ipc(harness.ipc_path());
  second.authenticate();
  first.hang_up();
  second.reset();
  EXPECT_TRUE(harness.record().eventually([&] { return harness.record().closed_count() == 2; }));
}

TEST(Face, ConnectionsAreCountedByStateAndTheirBytesBothWays) {
  FaceHarness harness;
  const FaceCounters& counters = harness.counters();
  RawPeer stranger = RawPeer::over_tcp(harness.face().tcp_port());
  stranger.open();
  EXPECT_EQ(counters.open, 1);
  EXPECT_EQ(counters.unauthenticated, 1);
  RawPeer known = RawPeer::over_ipc(harness.ipc_path());
  known.authenticate();
  EXPECT_EQ(counters.open, 2);
  EXPECT_EQ(counters.unauthenticated, 1);
  const std::uint64_t in = counters.bytes_in;
  const std::uint64_t out = counters.bytes_out;
  known.send_message(std::string(1'000, 'x'));
  EXPECT_EQ(known.receive().size(), 1'000U);
  EXPECT_GT(counters.bytes_in, in + 1'000);
  EXPECT_TRUE(harness.record().eventually([&] { return counters.bytes_out > out + 1'000; }));
  stranger.reset();
  EXPECT_TRUE(harness.record().eventually([&] { return counters.unauthenticated == 0 && counters.open == 1; }));
  known.reset();
  EXPECT_TRUE(harness.record().eventually([&] { return counters.unauthenticated == 0 && counters.open == 0; }));
}

TEST(Face, StopClosesEveryConnection) {
  FaceHarness harness;
  RawPeer first = RawPeer::over_tcp(harness.face().tcp_port());
  first.open();
  RawPeer second = RawPeer::over_ipc(harness.ipc_path());
  second.authenticate();
  harness.face().stop();
  EXPECT_TRUE(first.is_closed());
  EXPECT_TRUE(second.is_closed());
  EXPECT_EQ(harness.record().closed_count(), 2U);
  EXPECT_EQ(harness.counters().open, 0);
  EXPECT_EQ(harness.counters().unauthenticated_bytes, 0);
}

TEST(Face, OpenConnectionsOutliveTheEndOfAccepting) {
  FaceHarness harness;
  RawPeer peer = RawPeer::over_tcp(harness.face().tcp_port());
  peer.authenticate();
  harness.face().stop_accepting();
  peer.send_message("still here");
  EXPECT_EQ(peer.receive(), "still here");
  EXPECT_TRUE(harness.record().eventually([&] {
    FaceOptions again;
    again.tcp_interface = "127.0.0.1";
    again.tcp_port = harness.face().tcp_port();
    return open_face(again, std::make_shared<FaceRecord>()).has_value();
  })) << "the port is free for a successor";
}

// ---- back-pressure ---------------------------------------------------------------------------------------------------------

TEST(Face, PausedPeerIsReadAgainWhenResumed) {
  FaceHarness harness;
  RawPeer peer = RawPeer::over_tcp(harness.face().tcp_port());
  peer.authenticate();
  peer.send_message("pause");
  EXPECT_EQ(peer.receive(), "pause");
  peer.send_message("later");
  RawPeer other = RawPeer::over_tcp(harness.face().tcp_port());
  other.open();
  other.send_message("in between");
  EXPECT_EQ(other.receive(), "in between");
  EXPECT_THAT(harness.record().all_said(), ElementsAre("auth", "pause", "in between"));
  const ConnectionId paused = harness.record().all_opened()[0].connection;
  harness.face().loop(0).post([&] { harness.face().loop(0).resume_reading(paused); });
  EXPECT_EQ(peer.receive(), "later");
}

TEST(Face, HandlerThatIsFullStopsTheReadingOfAuthenticatedPeersOnly) {
  FaceHarness harness;
  RawPeer peer = RawPeer::over_tcp(harness.face().tcp_port());
  peer.authenticate();
  harness.record().set_full(true);
  peer.send_message("later");
  ASSERT_TRUE(harness.record().eventually([&] { return harness.record().not_taken() == 1; }));
  RawPeer other = RawPeer::over_tcp(harness.face().tcp_port());
  other.open();
  other.send_message("in between");
  EXPECT_EQ(other.receive(), "in between");
  EXPECT_THAT(harness.record().all_said(), ElementsAre("auth", "in between"));
  EXPECT_EQ(harness.record().not_taken(), 1U);
  harness.record().set_full(false);
  const ConnectionId paused = harness.record().all_opened()[0].connection;
  harness.face().loop(0).post([&] { harness.face().loop(0).resume_reading(paused); });
  EXPECT_EQ(peer.receive(), "later");
}

TEST(Face, PausedPeerThatGoesAwayIsReportedEvenIfItHadSentMore) {
  FaceHarness harness;
  RawPeer local = RawPeer::over_ipc(harness.ipc_path());
  RawPeer remote = RawPeer::over_tcp(harness.face().tcp_port());
  for (RawPeer* peer : {&local, &remote}) {
    peer->authenticate();
    peer->send_message("pause");
    EXPECT_EQ(peer->receive(), "pause");
    peer->send_message("never read");
  }
  local.hang_up();
  remote.reset();
  EXPECT_TRUE(harness.record().eventually([&] { return harness.record().closed_count() == 2; }));
}

TEST(Face, PeerThatDoesNotReadIsCut) {
  FaceOptions options;
  options.max_output = 256U << 10;
  FaceHarness harness(options);
  RawPeer peer = RawPeer::over_tcp(harness.face().tcp_port());
  peer.authenticate();
  peer.send_message("flood");
  EXPECT_TRUE(harness.record().eventually([&] { return harness.record().closed_count() == 1; }));
  EXPECT_EQ(harness.counters().cut, 1U);
  EXPECT_TRUE(peer.is_closed());
}

TEST(Face, PeerThatPingsWithoutReadingIsCut) {
  FaceOptions options;
  options.max_output = 64U << 10;
  FaceHarness harness(options);
  RawPeer peer = RawPeer::over_ipc(harness.ipc_path());
  peer.authenticate();
  std::string pings;
  for (int i = 0; i < 1'000; ++i) pings += command("PING", std::string("\0\x0a", 2) + "sixteen bytes...");
  std::jthread sender([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) peer.send(pings);
  });
  EXPECT_TRUE(harness.record().eventually([&] { return harness.record().closed_count() == 1; }));
  EXPECT_EQ(harness.counters().cut, 1U);
}

}  // namespace
}  // namespace brine::net
