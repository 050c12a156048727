// Two engines of one cluster on a real Redis, in one process: minions and operators are played by the test.
#include "engine/cluster.h"

#include <gmock/gmock.h>
#include <signal.h>

#include <future>
#include <stdexcept>

#include "engine/engine.h"
#include "store/redis_store.h"
#include "tests/unit/engine/fakes.h"
#include "tests/unit/store/redis_server.h"

namespace brine::engine {
namespace {

using testing::Each;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

store::RedisServer& server() {
  static store::RedisServer one({"--appendfsync", "no"});
  return one;
}

// A master without network.
class Side {
 public:
  explicit Side(const std::string& cluster, std::string id, seconds presence_expiry = seconds(3'600)) {
    auto opened = store::open_redis_store({.url = server().url(), .cluster = cluster, .patience = milliseconds(10'000)});
    if (!opened) throw std::runtime_error(opened.error().message);
    store = std::move(*opened);
    EngineOptions options;
    options.keys.auto_accept = true;
    options.presence_expiry = presence_expiry;
    options.ledger.reopen_pause = milliseconds(0);
    engine = std::make_unique<Engine>(*store, gateway, notary, events, clock, options, [] {});
    PeerOptions peers;
    peers.self.id = id;
    peers.renew_every = milliseconds(20);
    engine->share(*store, std::move(peers), {.masters = [](const auto&) {}, .setting = [](const auto&) {}, .connected = [](bool) {}});
    if (auto started = engine->start(); !started) throw std::runtime_error(started.error().message);
    if (auto joined = engine->join(id + ":1"); !joined) throw std::runtime_error(joined.error().message);
  }
  ~Side() { engine->stop(); }

  void connect(std::string_view id, std::uint64_t session, std::string grains = "{}") {
    std::promise<Admission> answer;
    engine->admit({minion_id(id), "key", false, 0, "10.0.0.1", {}}, [&](Admission admission) { answer.set_value(std::move(admission)); });
    const Admission admission = answer.get_future().get();
    EXPECT_EQ(admission.verdict, Verdict::kAccepted);
    engine->session_opened({session_number(session), minion_id(id), session, std::move(grains), {}, "10.0.0.1", admission.key_version});
  }
  // A token of one use; what shows it.
  std::string make_token(std::string id, store::KeyKind kind = store::KeyKind::kEphemeral) {
    store::TokenRecord token;
    token.id = std::move(id);
    token.secret_hash = "hash of 00112233445566778899aabbccddeeff";
    token.kind = kind;
    token.not_after = clock.unix_now() + 60'000'000;
    std::promise<Status> made;
    engine->create_token(token, [&](Status status) { made.set_value(std::move(status)); });
    EXPECT_TRUE(made.get_future().get());
    return token.id + ".00112233445566778899aabbccddeeff";
  }
  bool knows_token(const std::string& id) {
    std::promise<bool> answer;
    engine->ask([&](const Engine::View& view) { answer.set_value(view.tokens.knows(id)); });
    return answer.get_future().get();
  }
  std::future<Admission> join(std::string_view id, const std::string& shown, store::KeyKind kind = store::KeyKind::kMinion) {
    AdmissionRequest request{minion_id(id), "key", false, 0, "10.0.0.1", {}, kind};
    request.join_token = shown;
    auto answer = std::make_shared<std::promise<Admission>>();
    engine->admit(request, [answer](Admission admission) { answer->set_value(std::move(admission)); });
    return answer->get_future();
  }
  bool is_known(std::string_view id) {
    std::promise<bool> answer;
    engine->ask([&](const Engine::View& view) { answer.set_value(view.keys.find(minion_id(id)) != nullptr); });
    return answer.get_future().get();
  }
  Result<Submitted> submit(int number, std::shared_ptr<Watcher> watcher, std::string target = "*", std::string kind = "glob") {
    Submission submission;
    submission.id = submission_number(number);
    submission.target_kind = std::move(kind);
    submission.target = std::move(target);
    submission.function = "test.ping";
    submission.arguments = R"({"args":[],"kwargs":{}})";
    std::promise<Result<Submitted>> answer;
    engine->submit(std::move(submission), std::move(watcher), [&](Result<Submitted> result) { answer.set_value(std::move(result)); });
    return answer.get_future().get();
  }
  void give_back(const JobId& jid, std::string_view id, std::uint64_t session) {
    std::vector<PendingReturn> values{{session_number(session), return_of(jid, id)}};
    EXPECT_TRUE(engine->add_returns(std::move(values)));
  }
  // Where it takes the minion to be: "here", the other's name, or "".
  std::string place_of(std::string_view id) {
    std::promise<std::string> answer;
    engine->ask([&](const Engine::View& view) {
      const Minion* minion = view.roster.find(minion_id(id));
      answer.set_value(minion == nullptr ? "" : minion->session ? "here" : minion->elsewhere);
    });
    return answer.get_future().get();
  }
  bool sees(std::string_view id, std::string_view place) {
    return eventually([&] { return place_of(id) == place; });
  }
  void publish(std::string_view id, std::uint64_t session, std::string name, std::string value) {
    store::MineChange change{.whole = true};
    change.entries.push_back({{}, std::move(name), std::move(value), "", 0});
    engine->mine_changed(session_number(session), minion_id(id), std::move(change));
  }
  // "id=value+" for each entry of that name, "-" when its minion is not present.
  bool reads(const std::string& name, const std::string& expected) {
    return eventually([&] {
      std::promise<std::string> answer;
      engine->read_mine({"glob", "*", ':', name}, [&](const Result<std::vector<MineValue>>& values) {
        std::string text;
        for (const MineValue& value : values.value()) text += value.id.str() + "=" + value.value + (value.present ? "+" : "-");
        answer.set_value(text);
      });
      return answer.get_future().get() == expected;
    });
  }
  bool was_sent(const JobId& jid, std::uint64_t session) const {
    return eventually([&] {
      const auto all = gateway.deliveries();
      return std::any_of(all.begin(), all.end(), [&](const auto& d) { return d.jid == jid && d.session == session_number(session); });
    });
  }

  SystemClock clock;
  FakeGateway gateway;
  FakeNotary notary;
  FakeEvents events;
  std::unique_ptr<store::SharedStore> store;
  std::unique_ptr<Engine> engine;
};

class ClusterTest : public testing::Test {
 protected:
  ClusterTest() { ::signal(SIGPIPE, SIG_IGN); }

  static std::string next_cluster() {
    static int number = 0;
    return "e" + std::to_string(++number);
  }
  const std::string cluster = next_cluster();
  Side a{cluster, "a"};
  Side b{cluster, "b"};
};

TEST_F(ClusterTest, AJobOfOneMasterReachesTheMinionsOfTheOtherAndComesBack) {
  a.connect("m1", 1);
  b.connect("m2", 2);
  ASSERT_TRUE(a.sees("m2", "b"));
  ASSERT_TRUE(b.sees("m1", "a"));
  const auto watcher = std::make_shared<FakeWatcher>();
  const auto submitted = a.submit(1, watcher);
  ASSERT_TRUE(submitted);
  EXPECT_EQ(submitted->expected, 2U);
  ASSERT_TRUE(a.was_sent(submitted->jid, 1));
  ASSERT_TRUE(b.was_sent(submitted->jid, 2));
  b.give_back(submitted->jid, "m2", 2);
  a.give_back(submitted->jid, "m1", 1);
  ASSERT_TRUE(eventually([&] { return watcher->finishes() == 1; }));
  EXPECT_THAT(watcher->minions_returned(), UnorderedElementsAre("m1", "m2"));
  EXPECT_THAT(watcher->missing(), IsEmpty());
}

TEST_F(ClusterTest, MineEntriesOfOneMasterAreReadOnTheOther) {
  a.connect("m1", 1);
  ASSERT_TRUE(b.sees("m1", "a"));
  a.publish("m1", 1, "x", "1");
  ASSERT_TRUE(b.reads("x", "m1=1+"));
  a.publish("m1", 1, "x", "2");
  EXPECT_TRUE(b.reads("x", "m1=2+"));
  a.engine->session_closed(session_number(1), EndReason::kLeft);
  EXPECT_TRUE(b.reads("x", "m1=2-"));
}

TEST_F(ClusterTest, MineEntriesOfADeletedMinionAreGoneOnEveryMaster) {
  a.connect("m1", 1);
  a.publish("m1", 1, "x", "1");
  ASSERT_TRUE(b.reads("x", "m1=1+"));
  std::promise<void> done;
  b.engine->change_keys(KeyAuthority::Change::kDelete, {[](const MinionId&) { return true; }, true, true, true, true},
                        [&](const Result<KeyList>&) { done.set_value(); });
  done.get_future().wait();
  EXPECT_TRUE(a.reads("x", ""));
  EXPECT_TRUE(b.reads("x", ""));
  EXPECT_TRUE(eventually([&] { return a.store->mine()->empty(); }));
}

TEST_F(ClusterTest, TheMasterThatHoldsTheSessionPutsTheStoreRight) {
  a.connect("m1", 1);
  a.publish("m1", 1, "x", "1");
  ASSERT_TRUE(b.reads("x", "m1=1+"));
  store::Batch old;
  old.mine = {{minion_id("m1"), "x", "0", "", 1}, {minion_id("m1"), "y", "0", "", 1}};
  ASSERT_TRUE(b.store->commit(old));
  EXPECT_TRUE(eventually([&] {
    const auto mine = b.store->mine();
    return mine->size() == 1 && mine->at(0).value == "1";
  }));
  EXPECT_TRUE(b.reads("x", "m1=1+"));
  EXPECT_TRUE(a.reads("y", ""));
}

TEST_F(ClusterTest, WhatTheStoreHasBeyondWhatAMinionSaysItHasIsDeleted) {
  store::Batch old;
  old.mine = {{minion_id("m1"), "y", "0", "", 1}};
  ASSERT_TRUE(b.store->commit(old));
  a.connect("m1", 1);
  a.publish("m1", 1, "x", "1");
  EXPECT_TRUE(eventually([&] {
    const auto mine = b.store->mine();
    return mine->size() == 1 && mine->at(0).name == "x";
  }));
  EXPECT_TRUE(b.reads("x", "m1=1+"));
  EXPECT_TRUE(b.reads("y", ""));
}

TEST_F(ClusterTest, ASubmissionThatIsRepeatedOnTheOtherMasterIsTheSameJob) {
  a.connect("m1", 1);
  ASSERT_TRUE(b.sees("m1", "a"));
  const auto first = a.submit(1, nullptr);
  const auto watcher = std::make_shared<FakeWatcher>();
  const auto again = b.submit(1, watcher);
  ASSERT_TRUE(first && again);
  EXPECT_EQ(again->jid, first->jid);
  EXPECT_TRUE(again->repeated);
  a.give_back(first->jid, "m1", 1);
  ASSERT_TRUE(eventually([&] { return watcher->finishes() == 1; }));
  EXPECT_THAT(watcher->minions_returned(), AllOf(Not(IsEmpty()), Each("m1"))) << "it may be told twice, by the store and by the news";
}

TEST_F(ClusterTest, AMinionThatMovesIsDisplacedWhereItWas) {
  a.connect("m1", 1);
  ASSERT_TRUE(b.sees("m1", "a"));
  b.connect("m1", 2);
  ASSERT_TRUE(eventually([&] { return a.gateway.ended().size() == 1; }));
  EXPECT_EQ(a.gateway.ended()[0].reason, GoodbyeReason::kDisplaced);
  a.engine->session_closed(session_number(1), EndReason::kLost);
  EXPECT_TRUE(a.sees("m1", "b"));
  EXPECT_TRUE(b.sees("m1", "here"));
}

TEST_F(ClusterTest, AMinionThatLosesItsConnectionIsMissedEverywhere) {
  a.connect("m1", 1);
  ASSERT_TRUE(b.sees("m1", "a"));
  a.engine->session_closed(session_number(1), EndReason::kLost);
  EXPECT_TRUE(b.sees("m1", ""));
}

TEST_F(ClusterTest, TheMinionsOfAMasterThatIsGoneAreAway) {
  auto c = std::make_unique<Side>(cluster, "c");
  c->connect("m1", 1);
  ASSERT_TRUE(a.sees("m1", "c"));
  c.reset();
  EXPECT_TRUE(a.sees("m1", ""));
}

TEST_F(ClusterTest, WhatAnEarlierLifeOfAMasterHeldIsDisowned) {
  auto c = std::make_unique<Side>(cluster, "c");
  c->connect("m1", 1);
  ASSERT_TRUE(a.sees("m1", "c"));
  c.reset();
  ASSERT_EQ(a.store->presence_of({minion_id("m1")})->at(0).state, store::Presence::State::kHere);
  c = std::make_unique<Side>(cluster, "c");
  EXPECT_TRUE(eventually([&] { return a.store->presence_of({minion_id("m1")})->at(0).state == store::Presence::State::kLost; }));
  EXPECT_TRUE(a.sees("m1", ""));
  c->connect("m1", 2);
  EXPECT_TRUE(a.sees("m1", "c"));
}

TEST_F(ClusterTest, OpenJobsAreSentAgainByTheMasterThatAMinionMovesTo) {
  a.connect("m1", 1);
  ASSERT_TRUE(b.sees("m1", "a"));
  const auto submitted = a.submit(1, nullptr);
  ASSERT_TRUE(submitted);
  ASSERT_TRUE(a.was_sent(submitted->jid, 1));
  b.connect("m1", 2);
  EXPECT_TRUE(b.was_sent(submitted->jid, 2));
}

TEST_F(ClusterTest, ARunningJobIsKnownEverywhere) {
  b.connect("m1", 1);
  ASSERT_TRUE(a.sees("m1", "b"));
  const auto submitted = a.submit(1, nullptr);
  ASSERT_TRUE(submitted);
  ASSERT_TRUE(b.was_sent(submitted->jid, 1));
  b.engine->receipt(session_number(1), submitted->jid, Receipt::kRunning);
  EXPECT_TRUE(eventually([&] {
    std::promise<bool> answer;
    a.engine->ask([&](const Engine::View& view) {
      const OpenJob* job = view.board.find(submitted->jid);
      answer.set_value(job != nullptr && job->running == 1);
    });
    return answer.get_future().get();
  }));
}

TEST_F(ClusterTest, GrainsOfOneMasterAreTargetedOnTheOther) {
  a.connect("m1", 1, R"({"os":"Debian"})");
  EXPECT_TRUE(eventually([&] { return b.submit(1, nullptr, "os:Debian", "grain").has_value(); }));
}

TEST_F(ClusterTest, AKeyThatIsDeletedOnOneMasterEndsTheSessionOnTheOther) {
  b.connect("m1", 1);
  ASSERT_TRUE(a.sees("m1", "b"));
  a.engine->change_keys(KeyAuthority::Change::kDelete, {[](const MinionId&) { return true; }, true, true, true, true}, [](const auto&) {});
  ASSERT_TRUE(eventually([&] { return b.gateway.ended().size() == 1; }));
  EXPECT_EQ(b.gateway.ended()[0].reason, GoodbyeReason::kKeyChanged);
}

TEST_F(ClusterTest, IndexesOfKeysThatDifferentMastersAcceptDiffer) {
  a.connect("m1", 1);
  b.connect("m2", 2);
  ASSERT_TRUE(a.sees("m2", "b"));
  std::set<std::uint32_t> indexes;
  const auto keys = a.store->keys();
  ASSERT_TRUE(keys);
  for (const store::KeyRecord& key : *keys) indexes.insert(key.index);
  EXPECT_EQ(indexes.size(), 2U);
}

// auto_accept lets everybody in: which of them came by the token shows in the kind of their keys.
TEST_F(ClusterTest, OfTwoMinionsThatShowTheLastUseToTwoMastersOneJoins) {
  for (int round = 0; round < 20; ++round) {
    const std::string number = std::to_string(100 + round);
    const std::string shown = a.make_token("0000000000000" + number);
    ASSERT_TRUE(eventually([&] { return b.knows_token("0000000000000" + number); }));
    auto first = a.join("x" + number, shown);
    auto second = b.join("y" + number, shown);
    EXPECT_EQ(first.get().verdict, Verdict::kAccepted);
    EXPECT_EQ(second.get().verdict, Verdict::kAccepted);
    std::size_t joined = 0;
    const auto keys = a.store->keys_of({minion_id("x" + number), minion_id("y" + number)});
    ASSERT_TRUE(keys);
    for (const store::KeyRecord& key : *keys) joined += key.kind == store::KeyKind::kEphemeral ? 1 : 0;
    EXPECT_EQ(joined, 1U);
  }
  EXPECT_EQ(a.engine->token_counters()[0] + b.engine->token_counters()[0], 20U);
}

TEST_F(ClusterTest, ATokenThatIsDeletedOnOneMasterIsGoneOnTheOther) {
  a.make_token("0000000000000001");
  ASSERT_TRUE(eventually([&] { return b.knows_token("0000000000000001"); }));
  b.engine->forget_token("0000000000000001", [](const Status&) {});
  EXPECT_TRUE(eventually([&] { return !a.knows_token("0000000000000001"); }));
}

TEST_F(ClusterTest, AnEphemeralMinionThatIsAwayIsForgottenByOneMaster) {
  const std::string other = next_cluster();
  Side c{other, "c", seconds(1)};
  Side d{other, "d", seconds(1)};
  ASSERT_EQ(d.join("m1", d.make_token("0000000000000001")).get().verdict, Verdict::kAccepted);
  d.connect("m1", 1);
  ASSERT_TRUE(c.sees("m1", "d"));
  d.engine->session_closed(session_number(1), EndReason::kLost);
  EXPECT_TRUE(eventually([&] { return !c.is_known("m1") && !d.is_known("m1"); }));
  EXPECT_EQ(c.engine->counters().reaped + d.engine->counters().reaped, 1U);
  EXPECT_THAT(*c.store->keys(), IsEmpty());
}

TEST_F(ClusterTest, HowLongAMinionWasAwayOutlivesTheMasters) {
  const std::string other = next_cluster();
  {
    Side c{other, "c"};
    ASSERT_EQ(c.join("m1", c.make_token("0000000000000001")).get().verdict, Verdict::kAccepted);
    c.connect("m1", 1);
    ASSERT_TRUE(eventually([&] { return !c.store->presence_of({minion_id("m1")})->empty(); }));
    c.engine->session_closed(session_number(1), EndReason::kLeft);
    ASSERT_TRUE(eventually([&] { return c.store->presence_of({minion_id("m1")})->at(0).state == store::Presence::State::kLeft; }));
  }
  Side c{other, "c"};
  std::promise<MonoTime> answer;
  c.engine->ask([&](const Engine::View& view) { answer.set_value(view.roster.find(minion_id("m1"))->gone_since); });
  const auto left = c.store->presence_of({minion_id("m1")})->at(0).since;
  const auto away = std::chrono::duration_cast<microseconds>(c.clock.now() - answer.get_future().get());
  EXPECT_NEAR(static_cast<double>(away.count()), static_cast<double>(c.clock.unix_now() - left), 500'000.0);
}

TEST_F(ClusterTest, EveryEventIsOfOneMasterAndHeardOnBoth) {
  a.events.want(true);
  b.events.want(true);
  b.connect("m1", 1);
  ASSERT_TRUE(a.sees("m1", "b"));
  const auto job = a.submit(1, nullptr);
  ASSERT_TRUE(job.has_value());
  const std::string tag = "brine/job/" + job->jid.str();
  ASSERT_TRUE(eventually([&] { return b.events.count(tag + "/new") == 1; }));
  b.give_back(job->jid, "m1", 1);
  for (const auto& [prefix, home, other] :
       {std::tuple(std::string("brine/key"), &b, &a), std::tuple(tag + "/new", &a, &b), std::tuple(tag + "/ret/m1", &b, &a),
        std::tuple(std::string("brine/presence/change"), &b, &a)}) {
    EXPECT_TRUE(eventually([&] { return home->events.count(prefix, Origin::kHere) == 1; })) << prefix;
    EXPECT_TRUE(eventually([&] { return other->events.count(prefix, Origin::kElsewhere) == 1; })) << prefix;
    EXPECT_EQ(home->events.count(prefix), 1U) << prefix;
    EXPECT_EQ(other->events.count(prefix), 1U) << prefix;
  }
}

}  // namespace
}  // namespace brine::engine
