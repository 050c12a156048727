// A master's place among the others, on a real Redis.
#include "engine/peers.h"

#include <gmock/gmock.h>
#include <signal.h>

#include <stdexcept>

#include "store/redis_store.h"
#include "tests/unit/engine/fakes.h"
#include "tests/unit/store/redis_server.h"

namespace brine::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string next_cluster() {
  static int number = 0;
  return "p" + std::to_string(++number);
}

// One master: its store, and what it hears.
class Member {
 public:
  Member(const std::string& cluster, std::string id, const Clock& clock, milliseconds tolerance = milliseconds(60'000)) {
    auto opened = store::open_redis_store({.url = server().url(), .cluster = cluster, .patience = milliseconds(10'000)});
    if (!opened) throw std::runtime_error(opened.error().message);
    store = std::move(*opened);
    PeerOptions options;
    options.self.id = std::move(id);
    options.renew_every = milliseconds(20);
    options.clock_tolerance = tolerance;
    peers =
        std::make_unique<Peers>(*store, clock, options,
                                Peers::Listener{.news = [this](const store::News& news) { hear(news); },
                                                .placed = [this](const std::vector<store::Presence>& minions) { placed += minions.size(); },
                                                .masters = [](const std::vector<store::MasterCard>&) {},
                                                .regained = [this] { ++regained; },
                                                .cut_off = [] {}});
  }

  static store::RedisServer& server() {
    static store::RedisServer one({"--appendfsync", "no"});
    return one;
  }

  std::vector<std::string> masters() const {
    std::vector<std::string> ids;
    for (const store::MasterCard& card : peers->masters()) ids.push_back(card.id);
    return ids;
  }
  std::vector<MinionId> heard_of() {
    std::lock_guard lock(mutex);
    return presence;
  }

  std::unique_ptr<store::SharedStore> store;
  std::atomic<std::size_t> placed{0};
  std::atomic<int> regained{0};
  std::mutex mutex;
  std::vector<MinionId> presence;
  std::unique_ptr<Peers> peers;  // ends first

 private:
  void hear(const store::News& news) {
    std::lock_guard lock(mutex);
    presence.insert(presence.end(), news.presence.begin(), news.presence.end());
  }
};

store::Presence presence_of(std::string_view id) {
  store::Presence presence;
  presence.id = minion_id(id);
  presence.master = "a";
  return presence;
}

class PeersTest : public testing::Test {
 protected:
  PeersTest() { ::signal(SIGPIPE, SIG_IGN); }
  SystemClock clock;
  const std::string cluster = next_cluster();
};

TEST_F(PeersTest, MastersFindEachOtherAndNoticeWhoLeaves) {
  Member a(cluster, "a", clock);
  auto b = std::make_unique<Member>(cluster, "b", clock);
  ASSERT_TRUE(a.peers->open());
  ASSERT_TRUE(a.peers->join("a:1"));
  ASSERT_TRUE(b->peers->open());
  ASSERT_TRUE(b->peers->join("b:1"));
  EXPECT_TRUE(eventually([&] { return a.masters() == std::vector<std::string>{"a", "b"}; }));
  b.reset();
  EXPECT_TRUE(eventually([&] { return a.masters() == std::vector<std::string>{"a"}; }));
}

TEST_F(PeersTest, ArrivalsAreToldToOthersAndPlaced) {
  Member a(cluster, "a", clock);
  Member b(cluster, "b", clock);
  for (Member* member : {&a, &b}) {
    ASSERT_TRUE(member->peers->open());
    ASSERT_TRUE(member->peers->join("x:1"));
  }
  a.peers->arrived(presence_of("m1"));
  a.peers->arrived(presence_of("m2"));
  EXPECT_TRUE(eventually([&] { return a.placed == 2; }));
  EXPECT_TRUE(eventually([&] { return b.heard_of().size() == 2; }));
  EXPECT_THAT(b.heard_of(), ElementsAre(minion_id("m1"), minion_id("m2")));
}

TEST_F(PeersTest, WhatWasToldToAStoreThatHadLostTheLeaseIsToldAgain) {
  Member a(cluster, "a", clock);
  ASSERT_TRUE(a.peers->open());
  ASSERT_TRUE(a.peers->join("a:1"));
  // As after an emptied store: the lease is not known there, though its time is not over.
  auto membership = a.store->membership();
  ASSERT_TRUE(membership);
  store::MasterCard card;
  card.id = "a";
  ASSERT_TRUE((*membership)->renew(card, milliseconds(60'000)));
  ASSERT_TRUE((*membership)->leave());
  a.peers->arrived(presence_of("m1"));
  EXPECT_TRUE(eventually([&] { return a.placed == 1 || a.regained == 1; }));
  EXPECT_TRUE(eventually([&] { return a.peers->leads() && a.masters() == std::vector<std::string>{"a"}; }));
}

TEST_F(PeersTest, AClockThatIsAnHourOffIsRefused) {
  FakeClock other;  // of another day
  Member a(cluster, "a", other, milliseconds(30'000));
  const Status opened = a.peers->open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::kUnsupported);
  EXPECT_THAT(opened.error().message, HasSubstr("set it (NTP)"));
}

TEST_F(PeersTest, WithoutALeaseNobodyLeads) {
  Member a(cluster, "a", clock);
  ASSERT_TRUE(a.peers->open());
  EXPECT_FALSE(a.peers->leads());
  ASSERT_TRUE(a.peers->join("a:1"));
  EXPECT_TRUE(a.peers->leads());
  a.peers->stop();
  EXPECT_FALSE(a.peers->leads());
}

}  // namespace
}  // namespace brine::engine
