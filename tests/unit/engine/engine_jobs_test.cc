#include "tests/unit/engine/engine_fixture.h"

#include <future>

namespace brine::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

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

}  // namespace
}  // namespace brine::engine
