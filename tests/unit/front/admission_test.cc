#include "front/admission.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/unit/engine/fake_clock.h"

namespace brine::front {
namespace {

using testing::ElementsAre;
using Lane = Admission::Lane;

class AdmissionTest : public testing::Test {
 protected:
  bool enqueue(Lane lane, std::uint64_t connection, const std::string& network = "192.0.2.0/24") {
    return door.enqueue(lane, net::ConnectionId{connection}, network, clock.now());
  }
  std::vector<std::uint64_t> serve_all() {
    std::vector<std::uint64_t> order;
    net::ConnectionId connection;
    while (door.next(connection)) order.push_back(connection.value);
    return order;
  }
  int enqueue_strangers(int count, const std::string& network) {
    int taken = 0;
    for (int i = 0; i < count; ++i) taken += enqueue(Lane::kUnknown, 1000, network) ? 1 : 0;
    return taken;
  }

  FakeClock clock;
  Admission door{{.lane_capacity = {4, 3, 50}, .unknown_per_second = 2, .unknown_burst = 5, .handshakes_per_turn = 8}};
};

TEST_F(AdmissionTest, NobodyWaitsAtFirst) {
  net::ConnectionId connection;
  EXPECT_FALSE(door.next(connection));
  EXPECT_EQ(door.waiting(), 0u);
}

TEST_F(AdmissionTest, TicketsGoBeforeKnownKeysBeforeStrangers) {
  enqueue(Lane::kUnknown, 1);
  enqueue(Lane::kKnown, 2);
  enqueue(Lane::kTicket, 3);
  enqueue(Lane::kKnown, 4);
  enqueue(Lane::kTicket, 5);
  EXPECT_EQ(door.waiting(), 5u);
  EXPECT_THAT(serve_all(), ElementsAre(3u, 5u, 2u, 4u, 1u));
  EXPECT_EQ(door.waiting(), 0u);
}

TEST_F(AdmissionTest, WhoComesLaterInABetterLaneIsServedNext) {
  enqueue(Lane::kUnknown, 1);
  enqueue(Lane::kUnknown, 2);
  net::ConnectionId connection;
  ASSERT_TRUE(door.next(connection));
  EXPECT_EQ(connection.value, 1u);
  enqueue(Lane::kTicket, 3);
  EXPECT_THAT(serve_all(), ElementsAre(3u, 2u));
}

TEST_F(AdmissionTest, FullLaneRefusesAndLeavesTheOthersOpen) {
  for (std::uint64_t i = 1; i <= 3; ++i) EXPECT_TRUE(enqueue(Lane::kKnown, i));
  EXPECT_FALSE(enqueue(Lane::kKnown, 4));
  EXPECT_TRUE(enqueue(Lane::kTicket, 5));
  EXPECT_TRUE(enqueue(Lane::kUnknown, 6));
  EXPECT_THAT(serve_all(), ElementsAre(5u, 1u, 2u, 3u, 6u));
  EXPECT_TRUE(enqueue(Lane::kKnown, 7));
}

TEST_F(AdmissionTest, StrangersOfOneNetworkAreLimitedToABurst) { EXPECT_EQ(enqueue_strangers(20, "192.0.2.0/24"), 5); }

TEST_F(AdmissionTest, OtherNetworksAreNotAffectedByAFlood) {
  enqueue_strangers(1'000, "192.0.2.0/24");
  EXPECT_EQ(enqueue_strangers(20, "198.51.100.0/24"), 5);
}

TEST_F(AdmissionTest, TokensComeBackWithTime) {
  enqueue_strangers(20, "192.0.2.0/24");
  clock.advance(milliseconds(400));
  EXPECT_EQ(enqueue_strangers(20, "192.0.2.0/24"), 0);
  clock.advance(milliseconds(200));
  EXPECT_EQ(enqueue_strangers(20, "192.0.2.0/24"), 1);
  clock.advance(milliseconds(1'500));
  EXPECT_EQ(enqueue_strangers(20, "192.0.2.0/24"), 3);
}

TEST_F(AdmissionTest, QuietNetworkSavesNoMoreThanTheBurst) {
  enqueue_strangers(20, "192.0.2.0/24");
  clock.advance(seconds(3'600));
  EXPECT_EQ(enqueue_strangers(20, "192.0.2.0/24"), 5);
}

TEST_F(AdmissionTest, RefusedAttemptsCostNoTokens) {
  enqueue_strangers(1'000, "192.0.2.0/24");
  clock.advance(milliseconds(2'500));
  EXPECT_EQ(enqueue_strangers(20, "192.0.2.0/24"), 5);
}

TEST_F(AdmissionTest, KnownKeysAndTicketsAreNotLimitedPerNetwork) {
  enqueue_strangers(1'000, "192.0.2.0/24");
  for (std::uint64_t i = 0; i < 3; ++i) EXPECT_TRUE(enqueue(Lane::kKnown, i));
  for (std::uint64_t i = 0; i < 4; ++i) EXPECT_TRUE(enqueue(Lane::kTicket, i));
}

TEST_F(AdmissionTest, FullLaneCostsAStrangerNoToken) {
  Admission narrow{{.lane_capacity = {4, 3, 1}, .unknown_per_second = 0, .unknown_burst = 2, .handshakes_per_turn = 8}};
  const auto knock = [&] { return narrow.enqueue(Lane::kUnknown, net::ConnectionId{1}, "192.0.2.0/24", clock.now()); };
  EXPECT_TRUE(knock());
  EXPECT_FALSE(knock());
  net::ConnectionId connection;
  narrow.next(connection);
  EXPECT_TRUE(knock());
  narrow.next(connection);
  EXPECT_FALSE(knock());
}

TEST_F(AdmissionTest, ManyNetworksDoNotGrowTheMemoryForEver) {
  Admission wide{{.lane_capacity = {1, 1, 1'000'000}, .unknown_per_second = 1, .unknown_burst = 2, .handshakes_per_turn = 8}};
  int refused = 0;
  for (int i = 0; i < 65'600; ++i) refused += wide.enqueue(Lane::kUnknown, net::ConnectionId{1}, std::to_string(i), clock.now()) ? 0 : 1;
  EXPECT_EQ(refused, 64);
  clock.advance(seconds(10));  // the buckets are full again and carry no information
  EXPECT_TRUE(wide.enqueue(Lane::kUnknown, net::ConnectionId{1}, "a new one", clock.now()));
}

TEST_F(AdmissionTest, RefusedAreSpreadOverTimeByHowManyWait) {
  std::set<std::int64_t> times;
  for (int i = 0; i < 100; ++i) {
    const milliseconds time = door.retry_after();
    EXPECT_GE(time, milliseconds(500));
    EXPECT_LT(time, milliseconds(1'500));
    times.insert(time.count());
  }
  EXPECT_GT(times.size(), 20u);
  Admission crowded{{.lane_capacity = {100'000, 1, 1}}};
  for (std::uint64_t i = 0; i < 100'000; ++i) crowded.enqueue(Lane::kTicket, net::ConnectionId{i}, "", clock.now());
  milliseconds longest{0};
  for (int i = 0; i < 100; ++i) longest = std::max(longest, crowded.retry_after());
  EXPECT_GT(longest, milliseconds(10'000));
}

}  // namespace
}  // namespace brine::front
