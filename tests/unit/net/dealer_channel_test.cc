#include "net/dealer_channel.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "net/zmtp.h"
#include "tests/unit/net/face_harness.h"

namespace brine::net {
namespace {

using testing::ElementsAre;

// Everything that comes until the condition holds, as one.
template <typename Condition>
DealerChannel::Events poll_until(DealerChannel& channel, Condition condition) {
  DealerChannel::Events all;
  const MonoTime deadline = std::chrono::steady_clock::now() + kPatience;
  while (!condition(all) && std::chrono::steady_clock::now() < deadline) {
    auto events = channel.poll(-1, milliseconds(1'000));
    all.connected = all.connected || events.connected;
    all.lost = all.lost || events.lost;
    for (auto& frame : events.frames) all.frames.push_back(std::move(frame));
  }
  return all;
}
bool is_connected(const DealerChannel::Events& events) { return events.connected; }
bool is_lost(const DealerChannel::Events& events) { return events.lost; }
bool has_frame(const DealerChannel::Events& events) { return !events.frames.empty(); }

class DealerChannelTest : public testing::Test {
 protected:
  void connect(const std::string& endpoint) {
    ASSERT_TRUE(channel_.open(endpoint));
    const auto events = poll_until(channel_, [](const auto& all) { return all.connected || all.lost; });
    ASSERT_TRUE(events.connected);
    ASSERT_FALSE(events.lost);
  }

  FaceHarness harness_;
  DealerChannel channel_{ChannelOptions{}};
};

TEST_F(DealerChannelTest, FramesGoBothWaysOverTcpAndIpc) {
  for (const std::string& endpoint : {harness_.tcp_endpoint(), harness_.ipc_endpoint()}) {
    connect(endpoint);
    ASSERT_TRUE(channel_.send("hello"));
    EXPECT_THAT(poll_until(channel_, has_frame).frames, ElementsAre("hello"));
  }
}

TEST_F(DealerChannelTest, LargeFramesPass) {
  connect(harness_.tcp_endpoint());
  ASSERT_TRUE(channel_.send("auth"));
  poll_until(channel_, has_frame);
  const std::string large(1U << 20, 'x');
  ASSERT_TRUE(channel_.send(large));
  EXPECT_THAT(poll_until(channel_, has_frame).frames, ElementsAre(large));
}

TEST_F(DealerChannelTest, ConnectionThatTheOtherEndClosesIsLost) {
  connect(harness_.tcp_endpoint());
  ASSERT_TRUE(channel_.send("drop"));
  EXPECT_TRUE(poll_until(channel_, is_lost).lost);
}

TEST_F(DealerChannelTest, ConnectionIsLostWithItsFace) {
  connect(harness_.ipc_endpoint());
  harness_.face().stop();
  EXPECT_TRUE(poll_until(channel_, is_lost).lost);
}

TEST_F(DealerChannelTest, FramesThatCameBeforeTheLossAreDelivered) {
  connect(harness_.tcp_endpoint());
  ASSERT_TRUE(channel_.send("auth"));
  poll_until(channel_, has_frame);
  ASSERT_TRUE(channel_.send("bye"));
  const auto events = poll_until(channel_, is_lost);
  ASSERT_EQ(events.frames.size(), 1U);
  EXPECT_EQ(events.frames[0].size(), 1U << 20);
}

TEST_F(DealerChannelTest, LostConnectionDoesNotComeBackByItself) {
  connect(harness_.tcp_endpoint());
  ASSERT_TRUE(channel_.send("drop"));
  poll_until(channel_, is_lost);
  EXPECT_FALSE(channel_.poll(-1, milliseconds(300)).connected);
  EXPECT_EQ(harness_.counters().accepted, 1U);
  connect(harness_.tcp_endpoint());
  ASSERT_TRUE(channel_.send("again"));
  EXPECT_THAT(poll_until(channel_, has_frame).frames, ElementsAre("again"));
}

TEST_F(DealerChannelTest, RefusedConnectionIsLost) {
  const std::string endpoint = harness_.tcp_endpoint();
  harness_.face().stop_accepting();
  harness_.face().stop();
  ASSERT_TRUE(channel_.open(endpoint));
  const auto events = poll_until(channel_, is_lost);
  EXPECT_TRUE(events.lost);
  EXPECT_FALSE(events.connected);
}

TEST_F(DealerChannelTest, MissingSocketFileIsLost) {
  ASSERT_TRUE(channel_.open(harness_.ipc_endpoint() + ".none"));
  EXPECT_TRUE(poll_until(channel_, is_lost).lost);
}

TEST_F(DealerChannelTest, AddressThatCannotBeResolvedIsLost) {
  ASSERT_TRUE(channel_.open("tcp://127.0.0.1:99999999"));
  EXPECT_TRUE(poll_until(channel_, is_lost).lost);
}

TEST_F(DealerChannelTest, LossIsToldOnceAndNothingIsTakenAfterIt) {
  connect(harness_.tcp_endpoint());
  ASSERT_TRUE(channel_.send("drop"));
  ASSERT_TRUE(poll_until(channel_, is_lost).lost);
  EXPECT_FALSE(channel_.poll(-1, milliseconds(100)).lost);
  EXPECT_FALSE(channel_.send("x"));
}

TEST_F(DealerChannelTest, NothingIsTakenBeforeTheConnectionStands) {
  EXPECT_EQ(channel_.send("x").error().code, Code::kUnavailable);
  ASSERT_TRUE(channel_.open(harness_.ipc_endpoint() + ".none"));
  EXPECT_EQ(channel_.send("x").error().code, Code::kFull);
}

TEST_F(DealerChannelTest, OpeningAgainEndsWhatWasOpenBefore) {
  connect(harness_.tcp_endpoint());
  connect(harness_.ipc_endpoint());
  EXPECT_TRUE(harness_.record().eventually([&] { return harness_.record().closed_count() == 1; }));
  channel_.close();
  EXPECT_FALSE(channel_.is_open());
  EXPECT_TRUE(harness_.record().eventually([&] { return harness_.record().closed_count() == 2; }));
}

TEST_F(DealerChannelTest, EndpointThatCannotBeIsInvalid) {
  for (const char* endpoint : {"", "host", "tcp://", "tcp://host", "foo://x:1"}) {
    const auto opened = channel_.open(endpoint);
    ASSERT_FALSE(opened) << endpoint;
    EXPECT_EQ(opened.error().code, Code::kInvalid) << endpoint;
    EXPECT_FALSE(channel_.is_open());
  }
}

TEST_F(DealerChannelTest, ExtraDescriptorWakes) {
  const Fd wake(::eventfd(1, EFD_CLOEXEC));
  EXPECT_TRUE(channel_.poll(wake.get(), kPatience).woken);
  connect(harness_.tcp_endpoint());
  EXPECT_TRUE(channel_.poll(wake.get(), kPatience).woken);
}

// A peer whose machine has gone: it took the connection and says nothing more.
TEST(DealerChannelHeartbeat, SilentPeerIsLost) {
  const Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size);

  ChannelOptions options;
  options.heartbeat = milliseconds(100);
  options.heartbeat_timeout = milliseconds(300);
  DealerChannel channel(options);
  ASSERT_TRUE(channel.open("tcp://127.0.0.1:" + std::to_string(ntohs(address.sin_port))));
  const Fd silent(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  ASSERT_TRUE(write_all(silent.get(), zmtp_server_opening()));
  EXPECT_TRUE(poll_until(channel, is_connected).connected);
  EXPECT_TRUE(poll_until(channel, is_lost).lost);
}

}  // namespace
}  // namespace brine::net
