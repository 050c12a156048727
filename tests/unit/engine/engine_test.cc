#include "engine/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <nlohmann/json.hpp>

#include "tests/unit/engine/fakes.h"

namespace brine::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

using Json = nlohmann::json;

class EngineTest : public testing::Test {
 protected:
  EngineTest() {
    options.keys.auto_accept = true;
    options.ledger.reopen_pause = milliseconds(0);
  }

  void start() {
    engine = std::make_unique<Engine>(store, gateway, notary, events, clock, options, [this] { ++outbox_grew; });
    ASSERT_TRUE(engine->start().has_value());
  }
  void restart() {
    engine->stop();
    engine.reset();
    start();
  }

  Admission admit(std::string_view id, std::string key = "key", JournalPosition journal = {}) {
    std::promise<Admission> answer;
    engine->admit({minion_id(id), std::move(key), false, 0, "10.0.0.1", journal},
                  [&](Admission admission) { answer.set_value(std::move(admission)); });
    return answer.get_future().get();
  }
  // A whole minion: admitted, and its session open.
  void connect(std::string_view id, std::uint64_t session, std::string grains = "{}", const std::vector<JobId>& running = {}) {
    const Admission admission = admit(id);
    EXPECT_EQ(admission.verdict, Verdict::kAccepted);
    engine->session_opened(
        {session_number(session), minion_id(id), session, std::move(grains), running, "10.0.0.1", admission.key_version});
  }
  static Submission asking(int number, std::string target = "*") {
    Submission submission;
    submission.id = submission_number(number);
    submission.target_kind = "glob";
    submission.target = std::move(target);
    submission.function = "test.ping";
    submission.arguments = R"({"args":[],"kwargs":{}})";
    submission.user = "root";
    return submission;
  }
  Result<Submitted> submit(Submission submission, std::shared_ptr<Watcher> watcher = nullptr) {
    std::promise<Result<Submitted>> answer;
    engine->submit(std::move(submission), std::move(watcher), [&](Result<Submitted> result) { answer.set_value(std::move(result)); });
    auto submitted = answer.get_future().get();
    open_jobs();  // the answer comes before the job is opened and watched
    return submitted;
  }
  void give_back(const JobId& jid, std::string_view id, std::uint64_t session, std::string payload = "true") {
    std::vector<PendingReturn> values{{session_number(session), return_of(jid, id, std::move(payload))}};
    EXPECT_TRUE(engine->add_returns(std::move(values)));
  }
  Result<KeyList> change(KeyAuthority::Change what, std::string id) {
    std::promise<Result<KeyList>> answer;
    engine->change_keys(what, {[id](const MinionId& other) { return other.str() == id; }, true, true, true, true},
                        [&](Result<KeyList> result) { answer.set_value(std::move(result)); });
    return answer.get_future().get();
  }
  // The answer of the engine's thread, after all that was posted before.
  template <typename Value>
  Value see(std::function<Value(const Engine::View&)> question) {
    std::promise<Value> answer;
    engine->ask([&](const Engine::View& view) { answer.set_value(question(view)); });
    return answer.get_future().get();
  }
  std::size_t open_jobs() {
    return see<std::size_t>([](const Engine::View& view) { return view.board.size(); });
  }
  std::size_t deliveries_to(std::uint64_t session) const {
    const auto all = gateway.deliveries();
    return static_cast<std::size_t>(
        std::count_if(all.begin(), all.end(), [&](const auto& delivered) { return delivered.session == session_number(session); }));
  }

  FakeClock clock;
  MemoryStore store;
  FakeGateway gateway;
  FakeNotary notary;
  FakeEvents events;
  EngineOptions options;
  std::atomic<int> outbox_grew{0};
  std::unique_ptr<Engine> engine;
};

// ---- ephemeral minions -------------------------------------------------------------------------------------------------------

class EphemeralTest : public EngineTest {
 protected:
  EphemeralTest() {
    options.presence_expiry = seconds(60);
    events.want(true);
  }
  void join(std::string_view id, std::uint64_t session, store::KeyKind kind = store::KeyKind::kEphemeral) {
    store::TokenRecord token;
    token.id = "000000000000000" + std::to_string(session);
    token.secret_hash = "hash of 00112233445566778899aabbccddeeff";
    token.kind = kind;
    token.not_after = clock.unix_now() + 1'000'000;
    std::promise<Status> made;
    engine->create_token(token, [&](Status status) { made.set_value(std::move(status)); });
    ASSERT_TRUE(made.get_future().get());
    AdmissionRequest request{minion_id(id), "key", false, 0, "10.0.0.1", {}};
    request.join_token = token.id + ".00112233445566778899aabbccddeeff";
    std::promise<Admission> answer;
    engine->admit(request, [&](Admission admission) { answer.set_value(std::move(admission)); });
    const Admission admission = answer.get_future().get();
    ASSERT_EQ(admission.verdict, Verdict::kAccepted);
    engine->session_opened({session_number(session), minion_id(id), session, "{}", {}, "10.0.0.1", admission.key_version});
  }
  bool is_known(std::string_view id) {
    return see<bool>([&](const Engine::View& view) { return view.keys.find(minion_id(id)) != nullptr; });
  }
};

TEST_F(EphemeralTest, OneThatIsAwayForTooLongIsForgottenAndAnyOtherIsNot) {
  options.keys.auto_accept = false;
  start();
  join("gone", 1);
  join("stays", 2);
  join("no-cattle", 3, store::KeyKind::kMinion);
  engine->session_closed(session_number(1), EndReason::kLost);
  engine->session_closed(session_number(3), EndReason::kLeft);
  EXPECT_TRUE(is_known("gone"));
  clock.advance(seconds(59));
  EXPECT_TRUE(is_known("gone"));
  clock.advance(seconds(2));
  ASSERT_TRUE(eventually([&] { return !is_known("gone"); }));
  EXPECT_TRUE(is_known("stays"));
  EXPECT_TRUE(is_known("no-cattle"));
  EXPECT_EQ(engine->counters().reaped.load(), 1U);
}

// ---- mine ------------------------------------------------------------------------------------------------------------------

store::MineChange whole(std::vector<std::pair<std::string, std::string>> entries, std::string allow = "") {
  store::MineChange change{.whole = true};
  for (auto& [name, value] : entries) change.entries.push_back({{}, std::move(name), std::move(value), allow, 0});
  return change;
}

class EngineMine : public EngineTest {
 protected:
  // What the minion gets, or the error.
  std::string get(std::string_view reader, std::string target, std::string name, std::string kind = "glob") {
    std::promise<std::string> answer;
    engine->mine_get(minion_id(reader), {std::move(kind), std::move(target), ':', std::move(name)},
                     [&](std::string json, const std::string& error) { answer.set_value(error.empty() ? std::move(json) : error); });
    return answer.get_future().get();
  }
  std::vector<MineValue> read(std::string target, std::string name) {
    std::promise<Result<std::vector<MineValue>>> answer;
    engine->read_mine({"glob", std::move(target), ':', std::move(name)}, [&](auto values) { answer.set_value(std::move(values)); });
    return answer.get_future().get().value();
  }
  std::size_t stored() { return store.mine()->size(); }
};

TEST_F(EngineMine, AnEntryIsReadAtOnceAndWritten) {
  start();
  connect("a", 1);
  engine->mine_changed(session_number(1), minion_id("a"), whole({{"addr", R"("10.0.0.1")"}}));
  EXPECT_EQ(get("a", "*", "addr"), R"({"a":"10.0.0.1"})");
  ASSERT_TRUE(eventually([&] { return stored() == 1; }));
}

TEST_F(EngineMine, OnlyWhatChangesIsWritten) {
  start();
  connect("a", 1);
  engine->mine_changed(session_number(1), minion_id("a"), whole({{"x", "1"}, {"y", "1"}}));
  ASSERT_TRUE(eventually([&] { return store.mine_writes() == 2; }));
  engine->mine_changed(session_number(1), minion_id("a"), whole({{"x", "1"}, {"y", "2"}}));
  ASSERT_TRUE(eventually([&] { return store.mine_writes() == 3; }));
  EXPECT_EQ(engine->mine_counters().unchanged, 1U);
}

TEST_F(EngineMine, AWholeRemovesWhatItDoesNotName) {
  start();
  connect("a", 1);
  engine->mine_changed(session_number(1), minion_id("a"), whole({{"x", "1"}, {"y", "1"}}));
  engine->mine_changed(session_number(1), minion_id("a"), whole({{"y", "1"}}));
  EXPECT_EQ(get("a", "*", "x"), "{}");
  ASSERT_TRUE(eventually([&] { return stored() == 1; }));
}

TEST_F(EngineMine, APartAddsAndRemovesByName) {
  start();
  connect("a", 1);
  engine->mine_changed(session_number(1), minion_id("a"), whole({{"x", "1"}, {"y", "1"}}));
  store::MineChange part = whole({{"z", "3"}});
  part.whole = false;
  part.removed = {"x"};
  engine->mine_changed(session_number(1), minion_id("a"), part);
  EXPECT_EQ(get("a", "*", "x"), "{}");
  EXPECT_EQ(get("a", "*", "y"), R"({"a":1})");
  EXPECT_EQ(get("a", "*", "z"), R"({"a":3})");
}

TEST_F(EngineMine, AReaderThatIsNotAllowedSeesNothing) {
  start();
  connect("a", 1);
  connect("b", 2, R"({"role":"proxy"})");
  connect("c", 3);
  engine->mine_changed(session_number(1), minion_id("a"), whole({{"x", "1"}}, "grain role:proxy"));
  EXPECT_EQ(get("b", "*", "x"), R"({"a":1})");
  EXPECT_EQ(get("c", "*", "x"), "{}");
  EXPECT_EQ(get("a", "*", "x"), R"({"a":1})");
  EXPECT_EQ(read("*", "x").size(), 1U);
}

TEST_F(EngineMine, AWrongTargetIsExplainedToTheReader) {
  start();
  connect("a", 1);
  EXPECT_THAT(get("a", "(", "x", "compound"), HasSubstr("^"));
}

TEST_F(EngineMine, ADisplacedSessionChangesNothing) {
  start();
  connect("a", 1);
  connect("a", 2);
  engine->mine_changed(session_number(1), minion_id("a"), whole({{"x", "1"}}));
  EXPECT_EQ(get("a", "*", "x"), "{}");
}

TEST_F(EngineMine, EntriesTellWhetherTheirMinionIsPresent) {
  start();
  connect("a", 1);
  engine->mine_changed(session_number(1), minion_id("a"), whole({{"x", "1"}}));
  EXPECT_TRUE(read("*", "x").at(0).present);
  engine->session_closed(session_number(1), EndReason::kLost);
  ASSERT_EQ(read("*", "x").size(), 1U);
  EXPECT_FALSE(read("*", "x").at(0).present);
}

TEST_F(EngineMine, AMasterThatHasJustStartedDoesNotSayWhoIsGone) {
  start();
  for (const std::uint64_t number : {1, 2}) {
    connect(number == 1 ? "a" : "b", number);
    engine->mine_changed(session_number(number), minion_id(number == 1 ? "a" : "b"), whole({{"x", "1"}}));
  }
  ASSERT_TRUE(eventually([&] { return stored() == 2; }));
  restart();
  const auto ask = [&] {
    std::promise<std::string> answer;
    engine->read_mine({"glob", "*", ':', "x", true}, [&](const Result<std::vector<MineValue>>& values) {
      std::string text = values ? "" : std::string(to_string(values.error().code));
      for (const MineValue& value : values.value_or(std::vector<MineValue>())) text += value.id.str() + (value.present ? "+" : "-");
      answer.set_value(text);
    });
    return answer.get_future().get();
  };
  connect("a", 3);
  EXPECT_EQ(ask(), to_string(Code::kUnavailable));
  connect("b", 4);
  EXPECT_EQ(ask(), "a+b+");
  engine->session_closed(session_number(3), EndReason::kLost);
  EXPECT_EQ(ask(), "a-b+");
  restart();
  clock.advance(options.board.reconnect_grace);
  EXPECT_EQ(ask(), "a-b-");
}

TEST_F(EngineMine, EntriesAreKnownAfterARestart) {
  start();
  connect("a", 1);
  engine->mine_changed(session_number(1), minion_id("a"), whole({{"x", "1"}}));
  ASSERT_TRUE(eventually([&] { return stored() == 1; }));
  restart();
  EXPECT_EQ(get("a", "*", "x"), R"({"a":1})");
}

TEST_F(EngineMine, ADeletedMinionsEntriesAreGone) {
  start();
  connect("a", 1);
  engine->mine_changed(session_number(1), minion_id("a"), whole({{"x", "1"}}));
  ASSERT_TRUE(eventually([&] { return stored() == 1; }));
  ASSERT_TRUE(change(KeyAuthority::Change::kDelete, "a"));
  ASSERT_TRUE(eventually([&] { return stored() == 0; }));
  connect("a", 2);
  EXPECT_EQ(get("a", "*", "x"), "{}");
}

TEST_F(EngineMine, ARejectedMinionsEntriesAreGone) {
  start();
  connect("a", 1);
  engine->mine_changed(session_number(1), minion_id("a"), whole({{"x", "1"}}));
  ASSERT_TRUE(eventually([&] { return stored() == 1; }));
  ASSERT_TRUE(change(KeyAuthority::Change::kReject, "a"));
  ASSERT_TRUE(eventually([&] { return stored() == 0; }));
}

TEST_F(EngineMine, WhatAnUnknownMinionLeftIsSweptAtTheStart) {
  store.put_mine({minion_id("long-gone"), "x", "1", "", 1});
  start();
  EXPECT_TRUE(eventually([&] { return stored() == 0; }));
}

TEST_F(EngineMine, ChangesOfATimeWithoutAStoreAreWrittenWhenItIsBack) {
  start();
  connect("a", 1);
  store.go_away("gone fishing");
  engine->mine_changed(session_number(1), minion_id("a"), whole({{"x", "1"}}));
  engine->mine_changed(session_number(1), minion_id("a"), whole({{"x", "2"}}));
  EXPECT_EQ(get("a", "*", "x"), R"({"a":2})");
  store.come_back();
  ASSERT_TRUE(eventually([&] { return stored() == 1; }));
  EXPECT_TRUE(eventually([&] { return store.mine()->at(0).value == "2"; }));
}

TEST_F(EngineMine, ChangesAreEvents) {
  events.want(true);
  start();
  connect("a", 1);
  engine->mine_changed(session_number(1), minion_id("a"), whole({{"x", "1"}}));
  engine->mine_changed(session_number(1), minion_id("a"), whole({{"x", "2"}}));
  engine->mine_changed(session_number(1), minion_id("a"), whole({{"x", "2"}}));
  engine->mine_changed(session_number(1), minion_id("a"), whole({}));
  get("a", "*", "x");
  std::vector<std::string> acts;
  for (const std::string& json : events.jsons_of("brine/mine/change")) acts.push_back(Json::parse(json).at("act"));
  EXPECT_THAT(acts, ElementsAre("add", "change", "remove"));
}

// ---- a job's life ------------------------------------------------------------------------------------------------------------

TEST_F(EngineTest, JobIsCommittedDeliveredReturnedAcknowledgedAndTold) {
  start();
  connect("a", 1);
  connect("b", 2);
  const auto watcher = std::make_shared<FakeWatcher>();
  const auto submitted = submit(asking(1), watcher);
  ASSERT_TRUE(submitted.has_value()) << submitted.error().message;
  EXPECT_EQ(submitted->expected, 2u);
  EXPECT_FALSE(submitted->repeated);
  ASSERT_TRUE(eventually([&] { return gateway.deliveries().size() == 2; }));
  EXPECT_EQ((*store.job(submitted->jid))->signed_job, "signed " + submitted->jid.str());
  give_back(submitted->jid, "a", 1);
  give_back(submitted->jid, "b", 2);
  ASSERT_TRUE(eventually([&] { return watcher->finishes() == 1; }));
  EXPECT_THAT(watcher->minions_returned(), ElementsAre("a", "b"));
  EXPECT_THAT(watcher->missing(), IsEmpty());
  EXPECT_THAT(gateway.acks(), ElementsAre(Pair(session_number(1), submitted->jid), Pair(session_number(2), submitted->jid)));
  EXPECT_GE(outbox_grew, 1);
  EXPECT_EQ(open_jobs(), 0u);
}

TEST_F(EngineTest, WhatItsFullQueueDoesNotTakeIsCounted) {
  options.queue = 1;
  start();
  std::promise<void> entered, go_on;
  engine->ask([&](const Engine::View&) {
    entered.set_value();
    go_on.get_future().wait();
  });
  entered.get_future().wait();
  engine->ask([](const Engine::View&) {});  // the one that may wait
  EXPECT_EQ(admit("a").verdict, Verdict::kBusy);
  engine->session_opened({session_number(1), minion_id("a"), 1, "{}", {}, "10.0.0.1", 1});
  engine->grains_changed(session_number(1), minion_id("a"), "{}");
  engine->receipt(session_number(1), jid_number(1), Receipt::kRunning);
  engine->journal_at(session_number(1), {});
  std::promise<Result<Submitted>> answer;
  engine->submit(asking(1), nullptr, [&](Result<Submitted> result) { answer.set_value(std::move(result)); });
  EXPECT_FALSE(answer.get_future().get().has_value());
  const EngineCounters& counters = engine->counters();
  EXPECT_EQ(counters.overflowed_admissions, 1u);
  EXPECT_EQ(counters.overflowed_sessions, 2u);
  EXPECT_EQ(counters.overflowed_notes, 2u);
  EXPECT_EQ(counters.overflowed_submissions, 1u);
  go_on.set_value();
  engine->stop();  // its thread looks at go_on
}

TEST_F(EngineTest, ReturnIsNotAcknowledgedBeforeItsCommit) {
  start();
  connect("a", 1);
  const auto watcher = std::make_shared<FakeWatcher>();
  const auto submitted = submit(asking(1), watcher);
  ASSERT_TRUE(submitted.has_value());
  {
    MemoryStore::Hold hold(store);
    give_back(submitted->jid, "a", 1);
    ASSERT_TRUE(eventually([&] { return store.commit_is_waiting(); }));
    EXPECT_EQ(open_jobs(), 1u);
    EXPECT_THAT(gateway.acks(), IsEmpty());
    EXPECT_EQ(watcher->finishes(), 0);
  }
  EXPECT_TRUE(eventually([&] { return gateway.acks().size() == 1 && watcher->finishes() == 1; }));
}

TEST_F(EngineTest, RepeatedReturnIsAcknowledgedAgainAndToldOnce) {
  start();
  connect("a", 1);
  connect("b", 2);
  const auto watcher = std::make_shared<FakeWatcher>();
  const auto submitted = submit(asking(1), watcher);
  give_back(submitted->jid, "a", 1);
  ASSERT_TRUE(eventually([&] { return gateway.acks().size() == 1; }));
  EXPECT_EQ(gateway.acks_at_once(), 0u);
  give_back(submitted->jid, "a", 1);
  ASSERT_TRUE(eventually([&] { return gateway.acks().size() == 2; }));
  EXPECT_EQ(gateway.acks_at_once(), 1u);
  give_back(submitted->jid, "b", 2);
  ASSERT_TRUE(eventually([&] { return watcher->finishes() == 1; }));
  EXPECT_THAT(watcher->minions_returned(), ElementsAre("a", "b"));
}

TEST_F(EngineTest, JobIsNotDeliveredBeforeItsCommit) {
  start();
  connect("a", 1);
  ASSERT_TRUE(eventually([&] { return !store.grains()->empty(); }));
  std::promise<Result<Submitted>> answer;
  {
    MemoryStore::Hold hold(store);
    engine->submit(asking(1), nullptr, [&](Result<Submitted> result) { answer.set_value(std::move(result)); });
    ASSERT_TRUE(eventually([&] { return store.commit_is_waiting(); }));
    EXPECT_EQ(open_jobs(), 0u);
    EXPECT_THAT(gateway.deliveries(), IsEmpty());
  }
  EXPECT_TRUE(answer.get_future().get().has_value());
  EXPECT_TRUE(eventually([&] { return gateway.deliveries().size() == 1; }));
}

TEST_F(EngineTest, RepeatedSubmissionGetsTheSameJidAndNoSecondDelivery) {
  start();
  connect("a", 1);
  const auto first = submit(asking(1));
  const auto second = submit(asking(1));
  ASSERT_TRUE(first.has_value());
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->jid, first->jid);
  EXPECT_TRUE(second->repeated);
  EXPECT_EQ(second->expected, 1u);
  EXPECT_EQ(open_jobs(), 1u);
  EXPECT_EQ(gateway.deliveries().size(), 1u);
  EXPECT_EQ(store.job_count(), 1u);
}

TEST_F(EngineTest, RepeatedSubmissionOfAFinishedJobIsToldItsReturns) {
  start();
  connect("a", 1);
  const auto first = submit(asking(1));
  give_back(first->jid, "a", 1);
  ASSERT_TRUE(eventually([&] { return open_jobs() == 0; }));
  const auto watcher = std::make_shared<FakeWatcher>();
  EXPECT_EQ(submit(asking(1), watcher)->jid, first->jid);
  ASSERT_TRUE(eventually([&] { return watcher->finishes() == 1; }));
  EXPECT_THAT(watcher->minions_returned(), ElementsAre("a"));
  EXPECT_THAT(watcher->missing(), IsEmpty());
}

TEST_F(EngineTest, RepeatedSubmissionOfAnOpenJobIsToldWhatIsThereAndWaitsForTheRest) {
  start();
  connect("a", 1);
  connect("b", 2);
  const auto first = submit(asking(1));
  give_back(first->jid, "a", 1);
  ASSERT_TRUE(eventually([&] { return gateway.acks().size() == 1; }));
  const auto watcher = std::make_shared<FakeWatcher>();
  submit(asking(1), watcher);
  ASSERT_TRUE(eventually([&] { return watcher->minions_returned().size() == 1; }));
  EXPECT_EQ(watcher->finishes(), 0);
  give_back(first->jid, "b", 2);
  ASSERT_TRUE(eventually([&] { return watcher->finishes() == 1; }));
  EXPECT_THAT(watcher->minions_returned(), ElementsAre("a", "b"));
}

TEST_F(EngineTest, RepeatedSubmissionIsKnownEvenIfNobodyMatchesAnyMore) {
  start();
  connect("a", 1);
  const auto first = submit(asking(1));
  ASSERT_TRUE(change(KeyAuthority::Change::kDelete, "a").has_value());
  const auto second = submit(asking(1));
  ASSERT_TRUE(second.has_value()) << second.error().message;
  EXPECT_EQ(second->jid, first->jid);
}

// ---- jids --------------------------------------------------------------------------------------------------------------------

TEST_F(EngineTest, JidsRiseStrictlyThoughTheClockStepsBack) {
  start();
  connect("a", 1);
  std::vector<std::string> jids;
  for (int number = 1; number <= 10; ++number) {
    clock.set_wall(kStart - number * 60'000'000LL);
    const auto submitted = submit(asking(number));
    ASSERT_TRUE(submitted.has_value()) << submitted.error().message;
    jids.push_back(submitted->jid.str());
  }
  for (std::size_t i = 1; i < jids.size(); ++i) EXPECT_LT(jids[i - 1], jids[i]);
}

TEST_F(EngineTest, JidsRiseAcrossARestartWithAClockThatWentBack) {
  start();
  connect("a", 1);
  const auto before = submit(asking(1));
  clock.set_wall(kStart - 3'600'000'000LL);
  restart();
  const auto after = submit(asking(2));
  ASSERT_TRUE(after.has_value());
  EXPECT_LT(before->jid, after->jid);
}

TEST_F(EngineTest, JidThatExistsIsLeftAloneAndTheNextOneTaken) {
  start();
  connect("a", 1);
  for (int number = 0; number < 3; ++number) {
    auto foreign = job_for(number, {"z"});
    foreign->submission = submission_number(1000 + number);
    store.put_job(*foreign);
  }
  const auto submitted = submit(asking(1));
  ASSERT_TRUE(submitted.has_value());
  EXPECT_EQ(submitted->jid, jid_number(3));
  EXPECT_EQ((*store.job(jid_number(0)))->expected, minion_ids({"z"}));
}

// ---- targets -----------------------------------------------------------------------------------------------------------------

TEST_F(EngineTest, NobodyMatchingIsAnAnswerAtOnce) {
  start();
  connect("a", 1);
  const auto submitted = submit(asking(1, "nosuch*"));
  ASSERT_FALSE(submitted.has_value());
  EXPECT_EQ(submitted.error().code, Code::kNotFound);
  EXPECT_THAT(submitted.error().message, HasSubstr("No minions matched"));
  EXPECT_EQ(store.job_count(), 0u);
}

TEST_F(EngineTest, TargetThatCannotBeReadIsAnsweredWithACaret) {
  start();
  connect("a", 1);
  Submission submission = asking(1, "G@os:Debian and (web*");
  submission.target_kind = "compound";
  const auto submitted = submit(submission);
  ASSERT_FALSE(submitted.has_value());
  EXPECT_EQ(submitted.error().code, Code::kInvalid);
  EXPECT_THAT(submitted.error().message, HasSubstr("^"));
  EXPECT_THAT(submitted.error().message, HasSubstr("G@os:Debian and (web*"));
}

TEST_F(EngineTest, TargetsFollowTheGrainsOfTheLastSession) {
  start();
  connect("a", 1, R"({"os": "Debian"})");
  connect("b", 2, R"({"os": "Rocky"})");
  Submission submission = asking(1, "os:Debian");
  submission.target_kind = "grain";
  EXPECT_EQ(submit(submission)->expected, 1u);
  engine->grains_changed(session_number(2), minion_id("b"), R"({"os": "Debian"})");
  submission.id = submission_number(2);
  EXPECT_EQ(submit(submission)->expected, 2u);
}

TEST_F(EngineTest, JournalThatHasGoneBackIsToBeRenewedAndNoOther) {
  start();
  connect("a", 1);
  const JournalPosition known{77, 10};
  engine->journal_at(session_number(1), known);
  EXPECT_FALSE(admit("a", "key", {77, 10}).renew_journal) << "the same";
  EXPECT_FALSE(admit("a", "key", {77, 11}).renew_journal) << "more";
  EXPECT_FALSE(admit("a", "key", {0, 0}).renew_journal) << "brine-call shows none";
  EXPECT_TRUE(admit("a", "key", {77, 9}).renew_journal) << "less";
  EXPECT_TRUE(admit("a", "key", {78, 99}).renew_journal) << "another one: an older snapshot may have it";
  engine->journal_at(session_number(1), {78, 2});
  EXPECT_FALSE(admit("a", "key", {78, 2}).renew_journal) << "renewed";
}

TEST_F(EngineTest, HowFarAJournalHadComeIsKnownAfterARestart) {
  start();
  connect("a", 1);
  engine->journal_at(session_number(1), {77, 10});
  ASSERT_TRUE(eventually([&] {
    clock.advance(seconds(2));
    return !store.journals()->empty();
  }));
  restart();
  EXPECT_TRUE(admit("a", "key", {77, 9}).renew_journal);
  EXPECT_FALSE(admit("a", "key", {77, 10}).renew_journal);
}

TEST_F(EngineTest, DropsOfTheOutboxLeaveAnEvent) {
  store.let_expire({.jobs = 0, .dropped = 3});
  events.want(true);
  start();
  EXPECT_TRUE(eventually([&] { return events.count("brine/outbox/dropped") == 1; }));
}

TEST_F(EngineTest, GrainsThatAreKnownAlreadyAreNotWrittenAgain) {
  start();
  connect("a", 1, R"({"os": "Debian"})");
  ASSERT_TRUE(eventually([&] { return store.grains_writes() == 1; }));
  restart();
  connect("a", 2, R"({"os": "Debian"})");
  connect("b", 3, R"({"os": "Debian"})");
  ASSERT_TRUE(eventually([&] { return store.grains_writes() == 2; })) << "of b";
  connect("a", 4, R"({"os": "Rocky"})");
  EXPECT_TRUE(eventually([&] { return store.grains_writes() == 3; }));
}

TEST_F(EngineTest, GrainsAreKnownAfterARestart) {
  start();
  connect("a", 1, R"({"os": "Debian"})");
  ASSERT_TRUE(eventually([&] { return !store.grains()->empty(); }));
  restart();
  Submission submission = asking(1, "os:Debian");
  submission.target_kind = "grain";
  EXPECT_EQ(submit(submission)->expected, 1u);
}

TEST_F(EngineTest, SubsetTakesSoManyOfThoseThatMatch) {
  start();
  for (std::uint64_t i = 1; i <= 10; ++i) connect("m" + std::to_string(i), i);
  Submission submission = asking(1);
  submission.subset = 3;
  const auto submitted = submit(submission);
  EXPECT_EQ(submitted->expected, 3u);
  const auto expected = (*store.job(submitted->jid))->expected;
  EXPECT_TRUE(std::is_sorted(expected.begin(), expected.end()));
  ASSERT_TRUE(eventually([&] { return gateway.deliveries().size() == 3; }));
}

TEST_F(EngineTest, LifeOfAJobIsItsTimeoutOrTheGraceOrWhatWasAsked) {
  start();
  connect("a", 1);
  const auto life_of = [&](Submission submission) {
    const auto submitted = submit(std::move(submission));
    const auto record = *store.job(submitted->jid);
    return milliseconds((record->not_after - record->issued) / 1000);
  };
  Submission short_one = asking(1);
  EXPECT_EQ(life_of(short_one), options.board.reconnect_grace);
  Submission long_one = asking(2);
  long_one.timeout = milliseconds(60'000);
  EXPECT_EQ(life_of(long_one), milliseconds(60'000));
  Submission expiring = asking(3);
  expiring.expires = milliseconds(7'200'000);
  EXPECT_EQ(life_of(expiring), milliseconds(7'200'000));
}

TEST_F(EngineTest, ExpiryBeyondTheCapIsRefused) {
  options.max_expires = milliseconds(60'000);
  start();
  connect("a", 1);
  Submission submission = asking(1);
  submission.expires = milliseconds(60'001);
  const auto submitted = submit(submission);
  ASSERT_FALSE(submitted.has_value());
  EXPECT_EQ(submitted.error().code, Code::kInvalid);
  EXPECT_THAT(submitted.error().message, HasSubstr("60 s"));
}

// ---- admission control -------------------------------------------------------------------------------------------------------

TEST_F(EngineTest, JobsBeyondTheBoundAreBusy) {
  options.board.max_open = 2;
  start();
  connect("a", 1);
  EXPECT_TRUE(submit(asking(1)).has_value());
  EXPECT_TRUE(submit(asking(2)).has_value());
  const auto third = submit(asking(3));
  ASSERT_FALSE(third.has_value());
  EXPECT_EQ(third.error().code, Code::kBusy);
  EXPECT_THAT(third.error().message, HasSubstr("retry"));
  EXPECT_EQ(engine->counters().refused_busy, 1u);
  EXPECT_EQ(store.job_count(), 2u);
}

TEST_F(EngineTest, SubmissionsThatWaitForTheEngineCountAsOpenJobs) {
  options.board.max_open = 2;
  start();
  connect("a", 1);
  std::promise<void> release;
  engine->ask([held = release.get_future().share()](const Engine::View&) { held.wait(); });
  std::vector<std::future<bool>> accepted;
  for (int number = 1; number <= 3; ++number) {
    auto answer = std::make_shared<std::promise<bool>>();
    accepted.push_back(answer->get_future());
    engine->submit(asking(number), nullptr, [answer](const Result<Submitted>& result) { answer->set_value(result.has_value()); });
  }
  ASSERT_EQ(accepted[2].wait_for(seconds(0)), std::future_status::ready);
  EXPECT_FALSE(accepted[2].get());
  EXPECT_EQ(engine->counters().refused_busy, 1u);
  release.set_value();
  EXPECT_TRUE(accepted[0].get());
  EXPECT_TRUE(accepted[1].get());
}

TEST_F(EngineTest, JobsAreRefusedWithTheStoresMessageWhileItIsAwayAndTakenWhenItIsBack) {
  start();
  connect("a", 1);
  store.go_away("the disk is full");
  const auto refused = submit(asking(1));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Code::kUnavailable);
  EXPECT_THAT(refused.error().message, HasSubstr("the disk is full"));
  ASSERT_TRUE(eventually([&] { return !engine->ledger().available(); }));
  EXPECT_EQ(submit(asking(2)).error().code, Code::kUnavailable);
  EXPECT_EQ(engine->counters().refused_unavailable, 2u);
  EXPECT_EQ(engine->counters().refused_busy, 0u);
  EXPECT_THAT(gateway.deliveries(), IsEmpty());
  store.come_back();
  ASSERT_TRUE(eventually([&] { return engine->ledger().available(); }));
  EXPECT_TRUE(submit(asking(3)).has_value());
}

TEST_F(EngineTest, ReturnsOfATimeWithoutAStoreAreAcknowledgedWhenItIsBack) {
  start();
  connect("a", 1);
  const auto submitted = submit(asking(1));
  store.go_away("gone");
  give_back(submitted->jid, "a", 1);
  ASSERT_TRUE(eventually([&] { return !engine->ledger().available(); }));
  EXPECT_THAT(gateway.acks(), IsEmpty());
  store.come_back();
  EXPECT_TRUE(eventually([&] { return gateway.acks().size() == 1; }));
  EXPECT_EQ(store.kept().size(), 1u);
}

TEST_F(EngineTest, StoppingMasterRefusesNewJobsAndFinishesOldOnes) {
  start();
  connect("a", 1);
  const auto submitted = submit(asking(1));
  engine->refuse_new_jobs();
  const auto refused = submit(asking(2));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Code::kUnavailable);
  give_back(submitted->jid, "a", 1);
  EXPECT_TRUE(eventually([&] { return gateway.acks().size() == 1; }));
}

TEST_F(EngineTest, FullOutboxRefusesJobsUnlessItIsToldNotTo) {
  options.outbox_max_bytes = 10;
  start();
  connect("a", 1);
  const auto submitted = submit(asking(1));
  give_back(submitted->jid, "a", 1, "\"more than ten bytes\"");
  int number = 1;
  // The usage is looked at about once a second, by the engine's own tick.
  ASSERT_TRUE(eventually([&] {
    clock.advance(seconds(1));
    return !submit(asking(++number)).has_value();
  }));
  EXPECT_THAT(submit(asking(++number)).error().message, HasSubstr("outbox"));
  options.outbox_refuses_jobs = false;
  restart();
  EXPECT_TRUE(submit(asking(++number)).has_value());
}

// ---- sessions and keys -------------------------------------------------------------------------------------------------------

TEST_F(EngineTest, SessionOfAnUnknownMinionIsEnded) {
  start();
  engine->session_opened({session_number(1), minion_id("stranger"), 1, "{}", {}, "10.0.0.1"});
  ASSERT_TRUE(eventually([&] { return gateway.ended().size() == 1; }));
  EXPECT_EQ(gateway.ended()[0].reason, GoodbyeReason::kKeyChanged);
}

TEST_F(EngineTest, WelcomeFromBeforeTheKeyWasReplacedOpensNoSession) {
  start();
  const Admission stolen = admit("a", "old key");
  clock.advance(seconds(1));
  change(KeyAuthority::Change::kDelete, "a");
  ASSERT_EQ(admit("a", "new key").verdict, Verdict::kAccepted);
  engine->session_opened({session_number(1), minion_id("a"), 1, "{}", {}, "10.0.0.1", stolen.key_version});
  ASSERT_TRUE(eventually([&] { return gateway.ended().size() == 1; }));
  submit(asking(1));
  EXPECT_EQ(engine->counters().connected, 0);
  EXPECT_THAT(gateway.deliveries(), IsEmpty());
}

TEST_F(EngineTest, SecondSessionOfAMinionDisplacesTheFirst) {
  start();
  connect("a", 1);
  connect("a", 2);
  ASSERT_TRUE(eventually([&] { return gateway.ended().size() == 1; }));
  EXPECT_EQ(gateway.ended()[0].session, session_number(1));
  EXPECT_EQ(gateway.ended()[0].reason, GoodbyeReason::kDisplaced);
  engine->session_closed(session_number(1), EndReason::kLost);
  submit(asking(1));
  EXPECT_TRUE(eventually([&] { return deliveries_to(2) == 1; }));
  EXPECT_EQ(deliveries_to(1), 0u);
}

TEST_F(EngineTest, DeletingAKeyEndsOneSessionAndTouchesNoOther) {
  start();
  for (std::uint64_t i = 1; i <= 5; ++i) connect("m" + std::to_string(i), i);
  ASSERT_TRUE(change(KeyAuthority::Change::kDelete, "m3").has_value());
  EXPECT_EQ(submit(asking(1))->expected, 4u);
  const auto ended = gateway.ended();
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].session, session_number(3));
  EXPECT_EQ(ended[0].reason, GoodbyeReason::kKeyChanged);
  EXPECT_EQ(engine->counters().connected, 4);
}

TEST_F(EngineTest, WatchDoesNotWaitForAMinionWhoseKeyWasDeleted) {
  start();
  connect("a", 1);
  const auto watcher = std::make_shared<FakeWatcher>();
  submit(asking(1), watcher);
  change(KeyAuthority::Change::kDelete, "a");
  ASSERT_TRUE(eventually([&] { return watcher->finishes() == 1; }));
  EXPECT_THAT(watcher->missing(), UnorderedElementsAre(Pair("a", Missing::kNotConnected)));
}

TEST_F(EngineTest, JobReachesAMinionThatConnectsWithinItsLife) {
  start();
  connect("a", 1);
  engine->session_closed(session_number(1), EndReason::kLost);
  const auto submitted = submit(asking(1));
  connect("a", 2);
  ASSERT_TRUE(eventually([&] { return deliveries_to(2) == 1; }));
  give_back(submitted->jid, "a", 2);
  EXPECT_TRUE(eventually([&] { return open_jobs() == 0; }));
}

TEST_F(EngineTest, ReceiptsOfADisplacedSessionCountForNothing) {
  start();
  connect("a", 1);
  connect("a", 2);
  const auto watcher = std::make_shared<FakeWatcher>();
  const auto submitted = submit(asking(1), watcher);
  engine->receipt(session_number(1), submitted->jid, Receipt::kRunning);
  clock.advance(seconds(6));
  ASSERT_TRUE(eventually([&] { return watcher->finishes() == 1; }));
  EXPECT_THAT(watcher->missing(), UnorderedElementsAre(Pair("a", Missing::kNotDelivered)));
}

// ---- restart -----------------------------------------------------------------------------------------------------------------

TEST_F(EngineTest, OpenJobsAreReloadedAndDeliveredWhenTheirMinionsConnect) {
  start();
  connect("a", 1);
  connect("b", 2);
  Submission submission = asking(1);
  submission.expires = milliseconds(3'600'000);
  const auto submitted = submit(submission);
  give_back(submitted->jid, "a", 1);
  ASSERT_TRUE(eventually([&] { return gateway.acks().size() == 1; }));
  restart();
  EXPECT_EQ(open_jobs(), 1u);
  connect("a", 11);
  connect("b", 12);
  ASSERT_TRUE(eventually([&] { return deliveries_to(12) == 1; }));
  EXPECT_EQ(deliveries_to(11), 0u);
  give_back(submitted->jid, "b", 12);
  EXPECT_TRUE(eventually([&] { return open_jobs() == 0; }));
}

TEST_F(EngineTest, FinishedAndExpiredJobsAreNotReloaded) {
  start();
  connect("a", 1);
  const auto finished = submit(asking(1));
  give_back(finished->jid, "a", 1);
  ASSERT_TRUE(eventually([&] { return gateway.acks().size() == 1; }));
  submit(asking(2));
  clock.advance(seconds(60));
  restart();
  EXPECT_EQ(open_jobs(), 0u);
}

TEST_F(EngineTest, AcceptedKeysAreKnownAfterARestart) {
  start();
  connect("a", 1);
  options.keys.auto_accept = false;
  restart();
  EXPECT_EQ(admit("a").verdict, Verdict::kAccepted);
  EXPECT_EQ(admit("b").verdict, Verdict::kPending);
  EXPECT_EQ(submit(asking(1))->expected, 1u);
}

TEST_F(EngineTest, StopCommitsReturnsThatWereTaken) {
  start();
  connect("a", 1);
  const auto submitted = submit(asking(1));
  give_back(submitted->jid, "a", 1);
  engine->stop();
  EXPECT_EQ(store.kept().size(), 1u);
  EXPECT_EQ(gateway.acks().size(), 1u);
}

// ---- what minions did by themselves ------------------------------------------------------------------------------------------

TEST_F(EngineTest, ReportedCallGetsAJidAndIsStored) {
  start();
  connect("a", 1);
  CallReport report{minion_id("a"), "cmd.run", R"({"args":["uptime"],"kwargs":{}})", {}};
  report.result.payload = "\"up\"";
  report.result.success = true;
  std::promise<Result<JobId>> answer;
  engine->report_call(report, [&](Result<JobId> result) { answer.set_value(std::move(result)); });
  const auto jid = answer.get_future().get();
  ASSERT_TRUE(jid.has_value()) << jid.error().message;
  const auto job = *store.job(*jid);
  ASSERT_TRUE(job.has_value());
  EXPECT_EQ(job->function, "cmd.run");
  EXPECT_EQ(job->expected, minion_ids({"a"}));
  EXPECT_TRUE(job->signed_job.empty());
  const auto kept = store.kept();
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].payload, "\"up\"");
  EXPECT_EQ(kept[0].minion.str(), "a");
  EXPECT_EQ(open_jobs(), 0u);
  EXPECT_THAT(gateway.deliveries(), IsEmpty());
}

TEST_F(EngineTest, EveryReportedCallGetsItsOwnJid) {
  start();
  connect("a", 1);
  std::mutex mutex;
  std::set<std::string> jids;
  for (int i = 0; i < 20; ++i) {
    engine->report_call({minion_id("a"), "test.ping", "{}", {}}, [&](const Result<JobId>& result) {
      std::lock_guard lock(mutex);
      jids.insert(result ? result->str() : result.error().message);
    });
  }
  EXPECT_TRUE(eventually([&] { return store.kept().size() == 20; }));
  engine->stop();
  EXPECT_EQ(jids.size(), 20u);
}

TEST_F(EngineTest, ReportedCallOfAnUnknownMinionIsRefused) {
  start();
  std::promise<Result<JobId>> answer;
  engine->report_call({minion_id("stranger"), "test.ping", "{}", {}}, [&](Result<JobId> result) { answer.set_value(std::move(result)); });
  EXPECT_EQ(answer.get_future().get().error().code, Code::kDenied);
  EXPECT_EQ(store.job_count(), 0u);
}

TEST_F(EngineTest, ReportedCallIsRefusedWhileTheStoreIsAway) {
  start();
  connect("a", 1);
  store.go_away("gone");
  std::promise<Result<JobId>> answer;
  engine->report_call({minion_id("a"), "test.ping", "{}", {}}, [&](Result<JobId> result) { answer.set_value(std::move(result)); });
  EXPECT_EQ(answer.get_future().get().error().code, Code::kUnavailable);
}

// ---- events ------------------------------------------------------------------------------------------------------------------

TEST_F(EngineTest, NobodyListeningMeansNoEvents) {
  start();
  connect("a", 1);
  const auto submitted = submit(asking(1));
  give_back(submitted->jid, "a", 1);
  ASSERT_TRUE(eventually([&] { return open_jobs() == 0; }));
  EXPECT_EQ(events.count(), 0u);
}

TEST_F(EngineTest, WantedEventsTellOfKeysSessionsJobsAndReturns) {
  events.want(true);
  start();
  connect("a", 1);
  const auto submitted = submit(asking(1));
  give_back(submitted->jid, "a", 1, R"({"load": 1})");
  const std::string job = "brine/job/" + submitted->jid.str();
  ASSERT_TRUE(eventually([&] { return events.count(job + "/ret/a") == 1; }));
  EXPECT_EQ(events.count("brine/auth"), 1u);
  EXPECT_EQ(events.count("brine/key"), 1u);
  EXPECT_EQ(events.count("brine/minion/a/start"), 1u);
  EXPECT_EQ(events.count(job + "/new"), 1u);
  const Json started = Json::parse(events.json_of(job + "/new"));
  EXPECT_EQ(started["fun"], "test.ping");
  EXPECT_EQ(started["minions"], Json::array({"a"}));
  const Json returned = Json::parse(events.json_of(job + "/ret/a"));
  EXPECT_EQ(returned["return"]["load"], 1);
  EXPECT_EQ(returned["fun"], "test.ping");
  EXPECT_EQ(returned["success"], true);
}

TEST_F(EngineTest, ReturnThatIsNotJsonDoesNotHurtTheEvents) {
  events.want(true);
  start();
  connect("a", 1);
  const auto submitted = submit(asking(1));
  give_back(submitted->jid, "a", 1, "\xff not json");
  ASSERT_TRUE(eventually([&] { return events.count("brine/job/" + submitted->jid.str() + "/ret") == 1; }));
  EXPECT_TRUE(submit(asking(2)).has_value());
}

TEST_F(EngineTest, RepeatedReturnIsNoSecondEvent) {
  events.want(true);
  start();
  connect("a", 1);
  const auto submitted = submit(asking(1));
  give_back(submitted->jid, "a", 1);
  give_back(submitted->jid, "a", 1);
  ASSERT_TRUE(eventually([&] { return gateway.acks().size() == 2; }));
  EXPECT_EQ(open_jobs(), 0u);
  EXPECT_EQ(events.count("brine/job/" + submitted->jid.str() + "/ret"), 1u);
}

TEST_F(EngineTest, TwoMachinesWithOneKeyRaiseAnEvent) {
  events.want(true);
  start();
  for (std::uint64_t session = 1; session <= 4; ++session) connect("a", session);
  EXPECT_TRUE(eventually([&] { return events.count("brine/minion/a/duplicate") == 1; }));
}

TEST_F(EngineTest, PresenceTellsWhoCameAndWhoWent) {
  events.want(true);
  start();
  connect("a", 1);
  ASSERT_TRUE(eventually([&] {
    clock.advance(seconds(1));
    return events.count("brine/presence/change") == 1;
  }));
  EXPECT_EQ(Json::parse(events.json_of("brine/presence/change"))["new"], Json::array({"a"}));
}

}  // namespace
}  // namespace brine::engine
