// Leases, presence and what masters tell each other, on a real Redis.
#include <gmock/gmock.h>
#include <signal.h>

#include <stdexcept>

#include "store/redis/connection.h"
#include "store/redis_store.h"
#include "tests/unit/store/contract.h"
#include "tests/unit/store/redis_server.h"

namespace brine::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

constexpr milliseconds kLife{60'000};

MasterCard card(std::string id, std::string address = "10.0.0.1:4506") {
  MasterCard value;
  value.id = std::move(id);
  value.address = std::move(address);
  value.public_key = std::string(32, 'k');
  return value;
}

Presence at(std::string_view id, std::string master, std::uint64_t generation = 0, Presence::State state = Presence::State::kHere) {
  Presence value;
  value.id = minion(id);
  value.master = std::move(master);
  value.generation = generation;
  value.state = state;
  value.instance = 7;
  value.address = "192.0.2.1:40000";
  return value;
}

// Two masters of one cluster.
class RedisMembership : public testing::Test {
 protected:
  RedisMembership() {
    ::signal(SIGPIPE, SIG_IGN);
    static int number = 0;
    cluster_ = "m" + std::to_string(++number);
    a_store = open();
    b_store = open();
    a = value_of(a_store->membership());
    b = value_of(b_store->membership());
    EXPECT_TRUE(a->renew(card("a"), kLife));
    EXPECT_TRUE(b->renew(card("b"), kLife));
    a_news = value_of(a_store->news());
  }

  static RedisServer& server() {
    static RedisServer one({"--appendfsync", "no"});
    return one;
  }
  std::unique_ptr<SharedStore> open() {
    auto opened = open_redis_store({.url = server().url(), .cluster = cluster_, .patience = milliseconds(10'000)});
    if (!opened) throw std::runtime_error(opened.error().message);
    return std::move(*opened);
  }
  News next_news() { return value_of(a_news->wait(milliseconds(10'000))); }
  // As when the process behind it stood still for too long.
  void end_lease(const std::string& master) {
    auto connection = redis::Connection::open({.host = "", .port = 0, .path = server().path()}, {}, milliseconds(10'000));
    ASSERT_TRUE(connection);
    ASSERT_TRUE(connection->ask({"DEL", "brine:{" + cluster_ + "}:lease:" + master}));
  }
  static std::vector<std::string> ids(const std::vector<MasterCard>& cards) {
    std::vector<std::string> all;
    for (const MasterCard& one : cards) all.push_back(one.id);
    std::sort(all.begin(), all.end());
    return all;
  }

  std::string cluster_;
  std::unique_ptr<SharedStore> a_store, b_store;
  std::unique_ptr<Membership> a, b;
  std::unique_ptr<NewsReader> a_news;
};

TEST_F(RedisMembership, ThoseThatHoldALeaseAreMasters) {
  EXPECT_THAT(ids(value_of(a->masters())), ElementsAre("a", "b"));
  EXPECT_EQ(value_of(a->masters())[0].address, "10.0.0.1:4506");
  end_lease("b");
  EXPECT_THAT(ids(value_of(a->masters())), ElementsAre("a"));
  ASSERT_TRUE(b->renew(card("b"), kLife));
  EXPECT_THAT(ids(value_of(a->masters())), ElementsAre("a", "b"));
  ASSERT_TRUE(b->leave());
  EXPECT_THAT(ids(value_of(a->masters())), ElementsAre("a"));
}

TEST_F(RedisMembership, AnIdBelongsToOneProcess) {
  const auto other_store = open();
  const auto other = value_of(other_store->membership());
  const auto refused = other->renew(card("a", "10.0.0.9:4506"), kLife);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kExists);
  EXPECT_THAT(refused.error().message, HasSubstr("at 10.0.0.1:4506"));
  EXPECT_TRUE(a->renew(card("a"), kLife));
  end_lease("a");
  EXPECT_TRUE(other->renew(card("a", "10.0.0.9:4506"), kLife));
  EXPECT_EQ(a->renew(card("a"), kLife).error().code, Code::kExists);
}

TEST_F(RedisMembership, MastersThatComeGoOrChangeAreNews) {
  MasterCard changed = card("b");
  ASSERT_TRUE(b->renew(changed, kLife));
  EXPECT_TRUE(value_of(a_news->wait(milliseconds(1))).empty()) << "nothing has changed";
  changed.draining = true;
  ASSERT_TRUE(b->renew(changed, kLife));
  EXPECT_TRUE(next_news().masters);
  ASSERT_TRUE(b->leave());
  EXPECT_TRUE(next_news().masters);
}

TEST_F(RedisMembership, ATokenThatCameOrWentIsNews) {
  Batch made;
  made.tokens.resize(1);
  made.tokens[0].id = "t1";
  ASSERT_TRUE(b_store->commit(made));
  EXPECT_TRUE(next_news().tokens);
  Batch gone;
  gone.forgotten_tokens = {"t1"};
  ASSERT_TRUE(b_store->commit(gone));
  EXPECT_TRUE(next_news().tokens);
}

TEST_F(RedisMembership, AMinionThatHasComeBackDoesNotDepart) {
  Batch batch;
  batch.keys.resize(1);
  batch.keys[0].id = minion("m1");
  batch.keys[0].version = 5;
  ASSERT_TRUE(a_store->commit(batch));
  std::vector<Presence> first{at("m1", "a")}, second{at("m1", "b")};
  ASSERT_TRUE(a->arrived(first));
  ASSERT_TRUE(b->arrived(second));
  const auto departs = [&](std::uint64_t generation) -> bool {
    Batch departing;
    departing.departures = {{minion("m1"), 5, generation}};
    return value_of(a_store->commit(departing)).departures.at(0);
  };
  EXPECT_FALSE(departs(first[0].generation));
  EXPECT_FALSE(departs(0));
  EXPECT_TRUE(departs(second[0].generation));
  EXPECT_THAT(value_of(a_store->presence_of(minions({"m1"}))), IsEmpty());
  EXPECT_THAT(value_of(a_store->keys()), IsEmpty());
}

TEST_F(RedisMembership, ArrivalsHaveRisingGenerations) {
  std::vector<Presence> first{at("m1", "a"), at("m2", "a")};
  ASSERT_TRUE(a->arrived(first));
  std::vector<Presence> second{at("m1", "b")};
  ASSERT_TRUE(b->arrived(second));
  EXPECT_LT(first[0].generation, first[1].generation);
  EXPECT_LT(first[1].generation, second[0].generation);
  EXPECT_THAT(next_news().presence, ElementsAre(minion("m1")));
  const auto known = value_of(a_store->presence_of(minions({"m1", "never"})));
  ASSERT_EQ(known.size(), 1U);
  EXPECT_EQ(known[0].master, "b");
  EXPECT_EQ(known[0].generation, second[0].generation);
  EXPECT_EQ(known[0].instance, 7U);
  EXPECT_EQ(value_of(a_store->presence()).size(), 2U);
}

TEST_F(RedisMembership, WhoeverHasMovedOnIsNotLostByTheOldMaster) {
  std::vector<Presence> first{at("m1", "a")};
  ASSERT_TRUE(a->arrived(first));
  std::vector<Presence> second{at("m1", "b")};
  ASSERT_TRUE(b->arrived(second));
  ASSERT_TRUE(a->went({at("m1", "a", first[0].generation, Presence::State::kLost)}));
  EXPECT_EQ(value_of(a_store->presence())[0].state, Presence::State::kHere);
  ASSERT_TRUE(a->went({at("m1", "a", second[0].generation, Presence::State::kLost)}));
  EXPECT_EQ(value_of(a_store->presence())[0].state, Presence::State::kHere) << "the generation may have been given twice";
  ASSERT_TRUE(b->went({at("m1", "b", second[0].generation, Presence::State::kLeft)}));
  EXPECT_EQ(value_of(a_store->presence())[0].state, Presence::State::kLeft);
}

TEST_F(RedisMembership, WithoutALeaseNothingIsSaid) {
  end_lease("b");
  std::vector<Presence> arrivals{at("m1", "b")};
  EXPECT_EQ(b->arrived(arrivals).error().code, Code::kDenied);
  EXPECT_EQ(b->went({at("m1", "b", 1)}).error().code, Code::kDenied);
  EXPECT_EQ(b->running({{jid_number(1), {0}}}).error().code, Code::kDenied);
  EXPECT_THAT(value_of(a_store->presence()), IsEmpty());
}

TEST_F(RedisMembership, RunningJobsAreNews) {
  ASSERT_TRUE(b->running({{jid_number(1), {3, 5}}}));
  EXPECT_THAT(next_news().running, ElementsAre(Pair(jid_number(1), ElementsAre(3U, 5U))));
}

TEST_F(RedisMembership, AForgottenMinionHasNoPlace) {
  std::vector<Presence> arrivals{at("m1", "a")};
  ASSERT_TRUE(a->arrived(arrivals));
  Batch batch;
  batch.forgotten_minions = minions({"m1"});
  ASSERT_TRUE(a_store->commit(batch));
  EXPECT_THAT(value_of(a_store->presence()), IsEmpty());
}

TEST_F(RedisMembership, IndexesAreReservedOnce) {
  const auto first = value_of(a_store->reserve_indexes(10));
  const auto second = value_of(b_store->reserve_indexes(10));
  EXPECT_EQ(first, 1U);
  EXPECT_EQ(second, 11U);
}

TEST_F(RedisMembership, TheFirstClaimOfASettingHolds) {
  EXPECT_EQ(value_of(a_store->claim_setting("founder", "a")), "a");
  EXPECT_EQ(value_of(b_store->claim_setting("founder", "b")), "a");
}

TEST_F(RedisMembership, NewsOverABrokenConnectionAreReadOnceItIsMadeAgain) {
  auto connection = redis::Connection::open({.host = "", .port = 0, .path = server().path()}, {}, milliseconds(10'000));
  ASSERT_TRUE(connection);
  ASSERT_TRUE(connection->ask({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"}));
  std::vector<Presence> arrivals{at("m1", "b")};
  while (!b->arrived(arrivals)) {
  }
  EXPECT_FALSE(a_news->wait(milliseconds(10'000)));
  const News news = next_news();
  EXPECT_FALSE(news.missed);
  EXPECT_THAT(news.presence, ElementsAre(minion("m1")));
}

TEST_F(RedisMembership, AfterAnotherServerOrARestartNewsMayHaveBeenMissed) {
  RedisServer own;
  const auto opened = open_redis_store({.url = own.url(), .cluster = "restarts", .patience = milliseconds(10'000)});
  ASSERT_TRUE(opened);
  const auto news = value_of((*opened)->news());
  own.kill();
  own.start();
  EXPECT_FALSE(news->wait(milliseconds(10'000)));
  EXPECT_TRUE(value_of(news->wait(milliseconds(10'000))).missed);
  EXPECT_FALSE(value_of(news->wait(milliseconds(1))).missed);
}

TEST_F(RedisMembership, AServerThatHasGoneBackBehindTheConnectionIsNoticed) {
  ASSERT_TRUE(b->running({{jid_number(1), {0}}}));
  EXPECT_FALSE(next_news().missed);
  auto connection = redis::Connection::open({.host = "", .port = 0, .path = server().path()}, {}, milliseconds(10'000));
  ASSERT_TRUE(connection);
  ASSERT_TRUE(connection->ask({"HSET", "brine:{" + cluster_ + "}:counters", "news", "0"}));
  News news;
  for (int waits = 0; waits < 1'000 && news.empty(); ++waits) news = value_of(a_news->wait(milliseconds(1)));
  EXPECT_TRUE(news.missed);
}

TEST_F(RedisMembership, AFullServerStillProlongsLeases) {
  RedisServer full({"--maxmemory", "100mb"});
  auto opened = open_redis_store({.url = full.url(), .cluster = "full", .patience = milliseconds(10'000)});
  ASSERT_TRUE(opened);
  auto membership = value_of((*opened)->membership());
  ASSERT_TRUE(membership->renew(card("a"), kLife));
  auto connection = redis::Connection::open({.host = "", .port = 0, .path = full.path()}, {}, milliseconds(10'000));
  ASSERT_TRUE(connection);
  ASSERT_TRUE(connection->ask({"CONFIG", "SET", "maxmemory", "1mb"}));
  EXPECT_TRUE(membership->renew(card("a"), kLife));
}

}  // namespace
}  // namespace brine::store
