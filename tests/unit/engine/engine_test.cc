#include "tests/unit/engine/engine_fixture.h"

#include <future>

namespace brine::engine {
namespace {

using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

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

TEST_F(EphemeralTest, OneThatIsForgottenTakesItsMineEntriesAlong) {
  options.keys.auto_accept = false;
  start();
  join("gone", 1);
  join("stays", 2);
  engine->mine_changed(session_number(1), minion_id("gone"), {.whole = true, .entries = {{{}, "addr", "1", "", 0}}});
  engine->mine_changed(session_number(2), minion_id("stays"), {.whole = true, .entries = {{{}, "addr", "2", "", 0}}});
  ASSERT_TRUE(eventually([&] { return store.mine()->size() == 2; }));
  engine->session_closed(session_number(1), EndReason::kLost);
  ASSERT_TRUE(is_known("gone"));
  clock.advance(seconds(61));
  ASSERT_TRUE(eventually([&] { return store.mine()->size() == 1; }));
  std::promise<Result<std::vector<MineValue>>> answer;
  engine->read_mine({"glob", "*", ':', "addr"}, [&](auto values) { answer.set_value(std::move(values)); });
  const auto values = answer.get_future().get().value();
  ASSERT_EQ(values.size(), 1U);
  EXPECT_EQ(values[0].id, minion_id("stays"));
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
