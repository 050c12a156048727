#include "engine/ledger.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/unit/engine/fakes.h"

namespace brine::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// What the ledger has said, in order; written by its thread.
class Heard {
 public:
  void add(std::string line) {
    std::lock_guard lock(mutex_);
    lines_.push_back(std::move(line));
  }
  std::vector<std::string> lines() const {
    std::lock_guard lock(mutex_);
    return lines_;
  }
  bool has(const std::string& line) const {
    const auto all = lines();
    return std::find(all.begin(), all.end(), line) != all.end();
  }
  std::size_t size() const { return lines().size(); }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

std::string word(store::ReturnResult result) {
  switch (result) {
    case store::ReturnResult::kFirst: return "first";
    case store::ReturnResult::kRepeated: return "repeated";
    case store::ReturnResult::kConflict: return "conflict";
    case store::ReturnResult::kLate: return "late";
    case store::ReturnResult::kUnexpected: return "unexpected";
  }
  return "?";
}

class LedgerTest : public testing::Test {
 protected:
  void make(LedgerOptions options = {}) {
    ledger = std::make_unique<Ledger>(store, clock, options,
                                      Ledger::Listener{
                                          .returned =
                                              [this](const std::vector<CommittedReturn>& values) {
                                                for (const CommittedReturn& value : values)
                                                  returned.add(word(value.result) + " " + value.record.minion.str());
                                              },
                                          .fed =
                                              [this](const std::vector<store::FeedEntry>& entries) {
                                                for (const store::FeedEntry& entry : entries) fed.add(entry.jid.str());
                                              },
                                          .outbox_grew = [this] { ++outbox_grew; },
                                          .outbox_dropped = [this](std::uint64_t count) { dropped += count; },
                                      });
  }
  void start(LedgerOptions options = {}) {
    options.reopen_pause = milliseconds(0);
    make(std::move(options));
    ledger->start(*store.feed_end());
  }
  bool add(const JobId& jid, std::initializer_list<std::string_view> minions) {
    std::vector<PendingReturn> values;
    for (const auto id : minions) values.push_back({session_number(1), return_of(jid, id)});
    return ledger->add_returns(std::move(values));
  }
  bool publish(int number, std::initializer_list<std::string_view> minions) {
    return ledger->publish(job_for(number, minions), [this](const Result<PublishedJob>& result) {
      answers.add(result ? "published " + result->jid.str() : "refused: " + result.error().message);
    });
  }
  std::vector<std::string> kept() const {
    std::vector<std::string> ids;
    for (const auto& record : store.kept()) ids.push_back(record.minion.str());
    return ids;
  }

  FakeClock clock;
  MemoryStore store;
  Heard returned, fed, answers;
  std::atomic<int> outbox_grew{0};
  std::atomic<std::uint64_t> dropped{0};
  std::unique_ptr<Ledger> ledger;
};

TEST_F(LedgerTest, ReturnsThatWaitForACommitShareTheNextOne) {
  store.put_job(*job_for(1, {"a", "b", "c", "d"}));
  MemoryStore::Hold hold(store);
  start();
  ASSERT_TRUE(add(jid_number(1), {"a"}));
  ASSERT_TRUE(eventually([&] { return store.commit_is_waiting(); }));
  ASSERT_TRUE(add(jid_number(1), {"b"}));
  ASSERT_TRUE(add(jid_number(1), {"c", "d"}));
  hold.release();
  ASSERT_TRUE(eventually([&] { return returned.size() == 4; }));
  EXPECT_THAT(store.commit_sizes(), ElementsAre(1u, 3u));
}

TEST_F(LedgerTest, NothingIsSaidBeforeTheCommitHasReturned) {
  store.put_job(*job_for(1, {"a"}));
  MemoryStore::Hold hold(store);
  start();
  ASSERT_TRUE(add(jid_number(1), {"a"}));
  ASSERT_TRUE(publish(2, {"a"}));
  ASSERT_TRUE(eventually([&] { return store.commit_is_waiting(); }));
  EXPECT_EQ(returned.size(), 0u);
  EXPECT_EQ(answers.size(), 0u);
  EXPECT_EQ(ledger->counters().commits, 0u);
  hold.release();
  ASSERT_TRUE(eventually([&] { return returned.size() == 1 && answers.size() == 1; }));
  EXPECT_THAT(returned.lines(), ElementsAre("first a"));
}

TEST_F(LedgerTest, SecondReturnFromSameMinionIsCountedOnce) {
  store.put_job(*job_for(1, {"a"}));
  start();
  add(jid_number(1), {"a"});
  add(jid_number(1), {"a"});
  ASSERT_TRUE(eventually([&] { return returned.size() == 2; }));
  EXPECT_THAT(returned.lines(), ElementsAre("first a", "repeated a"));
  EXPECT_EQ(ledger->counters().returns, 1u);
  EXPECT_EQ(ledger->counters().repeated, 1u);
}

TEST_F(LedgerTest, EveryResultOfAReturnIsCounted) {
  store.put_job(*job_for(1, {"a"}));
  start();
  add(jid_number(1), {"a"});
  add(jid_number(1), {"stranger"});
  add(jid_number(9), {"a"});
  std::vector<PendingReturn> other{{session_number(1), return_of(jid_number(1), "a", "\"something else\"")}};
  ledger->add_returns(std::move(other));
  ASSERT_TRUE(eventually([&] { return returned.size() == 4; }));
  EXPECT_THAT(returned.lines(), ElementsAre("first a", "unexpected stranger", "late a", "conflict a"));
  EXPECT_EQ(ledger->counters().unexpected, 1u);
  EXPECT_EQ(ledger->counters().late, 1u);
  EXPECT_EQ(ledger->counters().conflicts, 1u);
}

TEST_F(LedgerTest, EveryCommitIsTimed) {
  store.put_job(*job_for(1, {"a", "b"}));
  start();
  {
    MemoryStore::Hold hold(store);
    ASSERT_TRUE(add(jid_number(1), {"a", "b"}));
    ASSERT_TRUE(eventually([&] { return store.commit_is_waiting(); }));
    EXPECT_EQ(ledger->queued_returns(), 2U);
    clock.advance(milliseconds(40));
    hold.release();
  }
  ASSERT_TRUE(eventually([&] { return returned.size() == 2; }));
  ledger->stop();
  const LedgerCounters& counters = ledger->counters();
  EXPECT_EQ(counters.commits, 1U);
  EXPECT_EQ(counters.commit_time.sum(), milliseconds(40));
  EXPECT_EQ(ledger->queued_returns(), 0U);
}

TEST_F(LedgerTest, AnIdleThreadTurns) {
  start();
  const std::uint64_t before = ledger->counters().turns;
  EXPECT_TRUE(eventually([&] { return ledger->counters().turns > before + 1; }));
}

TEST_F(LedgerTest, CommittedReturnKeepsTheSessionItCameOn) {
  store.put_job(*job_for(1, {"a"}));
  std::atomic<std::uint64_t> connection{0};
  ledger = std::make_unique<Ledger>(
      store, clock, LedgerOptions{},
      Ledger::Listener{.returned = [&](const std::vector<CommittedReturn>& values) { connection = values.at(0).session.connection; },
                       .fed = [](const auto&) {},
                       .outbox_grew = [] {},
                       .outbox_dropped = [](std::uint64_t) {}});
  ledger->start(*store.feed_end());
  std::vector<PendingReturn> values{{session_number(42), return_of(jid_number(1), "a")}};
  ledger->add_returns(std::move(values));
  EXPECT_TRUE(eventually([&] { return connection == 42; }));
}

TEST_F(LedgerTest, OutboxIsSaidToHaveGrownAfterReturnsOnly) {
  store.put_job(*job_for(1, {"a"}));
  start();
  publish(2, {"a"});
  ASSERT_TRUE(eventually([&] { return answers.size() == 1; }));
  EXPECT_EQ(outbox_grew, 0);
  add(jid_number(1), {"a"});
  EXPECT_TRUE(eventually([&] { return outbox_grew == 1; }));
}

TEST_F(LedgerTest, RepeatedSubmissionIsAnsweredWithTheFirstJid) {
  store.put_job(*job_for(1, {"a"}));
  start();
  auto again = job_for(2, {"a"});
  again->submission = submission_number(1);
  Heard heard;
  ledger->publish(again, [&](const Result<PublishedJob>& result) {
    heard.add(result && result->result == store::JobResult::kRepeated ? result->jid.str() : "?");
  });
  ASSERT_TRUE(eventually([&] { return heard.size() == 1; }));
  EXPECT_EQ(heard.lines()[0], jid_number(1).str());
}

TEST_F(LedgerTest, OwnJobsAreNotReadBackFromTheFeed) {
  start();
  for (int number = 1; number <= 20; ++number) publish(number, {"a"});
  ASSERT_TRUE(eventually([&] { return answers.size() == 20; }));
  ledger->stop();
  EXPECT_THAT(fed.lines(), testing::IsEmpty());
}

TEST_F(LedgerTest, JobsOfOthersAreReadOnceWithTheNextOwnOne) {
  start();
  publish(1, {"a"});
  ASSERT_TRUE(eventually([&] { return answers.size() == 1; }));
  for (int number = 2; number <= 20; ++number) store.put_job(*job_for(number, {"a"}));
  publish(21, {"a"});
  publish(22, {"a"});
  ASSERT_TRUE(eventually([&] { return answers.size() == 3; }));
  ledger->stop();
  std::vector<std::string> others;
  for (int number = 2; number <= 20; ++number) others.push_back(jid_number(number).str());
  const std::vector<std::string> heard = fed.lines();
  ASSERT_GE(heard.size(), others.size());
  EXPECT_EQ(std::vector(heard.begin(), heard.begin() + 19), others);
  EXPECT_EQ(std::set(heard.begin(), heard.end()).size(), heard.size());
}

TEST_F(LedgerTest, FeedIsReadFromThePositionGivenAtTheStart) {
  for (int number = 1; number <= 3; ++number) store.put_job(*job_for(number, {"a"}));
  make();
  ledger->start({store.epoch(), 2});
  ASSERT_TRUE(eventually([&] { return fed.size() == 1; }));
  EXPECT_THAT(fed.lines(), ElementsAre(jid_number(3).str()));
}

TEST_F(LedgerTest, LongFeedIsReadInPagesToItsEnd) {
  for (int number = 1; number <= 2'500; ++number) store.put_job(*job_for(number, {"a"}));
  make();
  ledger->start({store.epoch(), 0});
  ASSERT_TRUE(eventually([&] { return fed.size() == 2'500; }));
  EXPECT_EQ(fed.lines().front(), jid_number(1).str());
  EXPECT_EQ(fed.lines().back(), jid_number(2'500).str());
}

TEST_F(LedgerTest, JobIsRefusedWithTheStoresMessageWhileItIsAway) {
  start();
  store.go_away("the disk is full");
  ASSERT_TRUE(publish(1, {"a"}));
  ASSERT_TRUE(eventually([&] { return answers.size() == 1; }));
  EXPECT_THAT(answers.lines()[0], HasSubstr("the disk is full"));
  EXPECT_FALSE(ledger->available());
  EXPECT_THAT(ledger->trouble(), HasSubstr("the disk is full"));
  EXPECT_EQ(store.job_count(), 0u);
}

TEST_F(LedgerTest, EveryJobIsRefusedWhileTheStoreStaysAway) {
  start();
  store.go_away("gone");
  for (int number = 1; number <= 10; ++number) publish(number, {"a"});
  ASSERT_TRUE(eventually([&] { return answers.size() == 10; }));
  for (const std::string& answer : answers.lines()) EXPECT_THAT(answer, HasSubstr("refused: ")) << answer;
}

TEST_F(LedgerTest, KeyChangeIsRefusedWhileTheStoreIsAway) {
  start();
  store.go_away("gone");
  store::KeyRecord key;
  key.id = minion_id("a");
  key.version = 1;
  ledger->change_keys({{key}, {}, 0, [&](const Status& status) { answers.add(status ? "done" : status.error().message); }});
  ASSERT_TRUE(eventually([&] { return answers.size() == 1; }));
  EXPECT_THAT(answers.lines()[0], HasSubstr("gone"));
  EXPECT_EQ(store.key_writes(), 0);
}

TEST_F(LedgerTest, ReturnsWaitForTheStoreAndDrainInOrderNoneLostOrDoubled) {
  store.put_job(*job_for(1, {"a", "b", "c", "d", "e", "f"}));
  start();
  store.go_away("gone");
  add(jid_number(1), {"f"});
  add(jid_number(1), {"e", "d"});
  ASSERT_TRUE(eventually([&] { return !ledger->available(); }));
  add(jid_number(1), {"c"});
  add(jid_number(1), {"b"});
  ASSERT_TRUE(eventually([&] { return ledger->depth() == 0; }));
  EXPECT_EQ(returned.size(), 0u);
  store.come_back();
  add(jid_number(1), {"a"});
  ASSERT_TRUE(eventually([&] { return returned.size() == 6; }));
  EXPECT_THAT(kept(), ElementsAre("f", "e", "d", "c", "b", "a"));
  EXPECT_THAT(returned.lines(), ElementsAre("first f", "first e", "first d", "first c", "first b", "first a"));
  EXPECT_TRUE(ledger->available());
  EXPECT_EQ(ledger->trouble(), "");
}

TEST_F(LedgerTest, StoreThatFailsAgainAfterReopeningKeepsTheOrder) {
  store.put_job(*job_for(1, {"a", "b", "c"}));
  start();
  store.fail_commits(3);
  add(jid_number(1), {"c"});
  ASSERT_TRUE(eventually([&] { return ledger->counters().store_failures >= 2; }));
  add(jid_number(1), {"b"});
  add(jid_number(1), {"a"});
  ASSERT_TRUE(eventually([&] { return returned.size() == 3; }));
  EXPECT_THAT(kept(), ElementsAre("c", "b", "a"));
  EXPECT_GE(store.reopened(), 3);
}

TEST_F(LedgerTest, SettingsWaitForTheStoreToo) {
  start();
  store.go_away("gone");
  ledger->keep_setting("colour", "green");
  ASSERT_TRUE(eventually([&] { return !ledger->available(); }));
  store.come_back();
  EXPECT_TRUE(eventually([&] { return store.settings()["colour"] == "green"; }));
}

TEST_F(LedgerTest, EventsGoToTheOutboxAndWaitForTheStore) {
  store.go_away("gone");
  start();
  ASSERT_TRUE(ledger->keep_event({"m:1:1", "brine/key", "{}", 1}));
  ASSERT_TRUE(eventually([&] { return !ledger->available(); }));
  ASSERT_TRUE(ledger->keep_event({"m:1:2", "brine/key", "{}", 2}));
  store.come_back();
  ASSERT_TRUE(eventually([&] { return store.outbox_usage()->entries == 2; }));
  const auto entries = store.outbox_after(0, 10).value();
  EXPECT_EQ(entries[0].event.id, "m:1:1");
  EXPECT_EQ(entries[1].event.id, "m:1:2");
  EXPECT_EQ(ledger->counters().events_dropped, 0u);
}

TEST_F(LedgerTest, OfTooManyEventsThatWaitForTheStoreTheNewestAreDroppedAndCounted) {
  store.go_away("gone");
  start();
  for (int number = 0; number < 10'003; ++number)
    ASSERT_TRUE(eventually([&] { return ledger->keep_event({"m:1:" + std::to_string(number), "brine/key", "{}", number}); }));
  ASSERT_TRUE(eventually([&] { return ledger->counters().events_dropped == 3u; }));
  store.come_back();
  ASSERT_TRUE(eventually([&] { return store.outbox_usage()->entries == 10'000; }));
  EXPECT_EQ(store.outbox_after(0, 1).value()[0].event.id, "m:1:0");
}

TEST_F(LedgerTest, OfWhatIsOverwrittenOnlyTheLastWaitsForTheStore) {
  start();
  store.go_away("gone");
  ledger->keep_grains({minion_id("a"), "first"});
  ASSERT_TRUE(eventually([&] { return !ledger->available(); }));
  ledger->keep_grains({minion_id("a"), "last"});
  ledger->keep_grains({minion_id("b"), "only"});
  ledger->keep_journals({{minion_id("a"), 7, 1}, {minion_id("a"), 7, 2}});
  ASSERT_TRUE(eventually([&] { return ledger->depth() == 0; }));
  store.come_back();
  ASSERT_TRUE(eventually([&] { return store.grains()->size() == 2 && store.journals()->size() == 1; }));
  EXPECT_EQ(store.grains()->front().json, "last");
  EXPECT_EQ(store.journals()->front().sequence, 2u);
}

TEST_F(LedgerTest, MalformedReturnCostsNobodyElseTheirs) {
  store.put_job(*job_for(1, {"a", "b", "c"}));
  store.refuse_returns_of(minion_id("b"));
  start();
  ASSERT_TRUE(add(jid_number(1), {"a", "b", "c"}));
  ASSERT_TRUE(eventually([&] { return returned.size() == 2; }));
  EXPECT_THAT(kept(), ElementsAre("a", "c"));
  EXPECT_TRUE(ledger->available());
  EXPECT_EQ(ledger->depth(), 0u);
}

TEST_F(LedgerTest, MalformedReturnsGiveTheirRoomBack) {
  store.put_job(*job_for(1, {"a", "b"}));
  store.refuse_returns_of(minion_id("b"));
  LedgerOptions options;
  options.queue = 2;
  start(options);
  for (int round = 0; round < 5; ++round) EXPECT_TRUE(eventually([&] { return add(jid_number(1), {"b", "b"}); })) << round;
  EXPECT_TRUE(eventually([&] { return add(jid_number(1), {"a"}); }));
  EXPECT_TRUE(eventually([&] { return returned.has("first a"); }));
}

TEST_F(LedgerTest, DropsOfTheOutboxAreCountedAndTold) {
  store.let_expire({.jobs = 0, .dropped = 3});
  LedgerOptions options;
  options.returners = {"kafka"};
  options.outbox_max_bytes = 1'000;
  start(options);
  ASSERT_TRUE(eventually([&] { return dropped == 3; }));
  EXPECT_EQ(ledger->counters().outbox_dropped, 3u);
  EXPECT_EQ(store.retention().outbox_max_bytes, 1'000u);
  EXPECT_THAT(store.retention().returners, ElementsAre("kafka"));
}

TEST_F(LedgerTest, WithAForgottenKeyGoGrainsAndJournalMarkButNotWithADeniedOne) {
  start();
  ledger->keep_grains({minion_id("a"), "{}"});
  ledger->keep_grains({minion_id("b"), "{}"});
  ledger->keep_journals({{minion_id("a"), 7, 1}, {minion_id("b"), 7, 1}});
  ledger->change_keys({{}, {{minion_id("a"), false}, {minion_id("b"), true}}, 5, [&](const Status&) { answers.add("done"); }});
  ASSERT_TRUE(eventually([&] { return answers.size() == 1; }));
  ASSERT_EQ(store.grains()->size(), 1u);
  EXPECT_EQ(store.grains()->front().id, minion_id("b"));
  EXPECT_EQ(store.journals()->size(), 1u);
  EXPECT_EQ(store.settings()[std::string(kLastIndexSetting)], "5");
}

TEST_F(LedgerTest, MoreReturnsAtOnceThanTheBoundAreTakenWhenNoneIsQueued) {
  store.put_job(*job_for(1, {"a", "b", "c"}));
  LedgerOptions options;
  options.queue = 2;
  MemoryStore::Hold hold(store);
  start(options);
  EXPECT_TRUE(add(jid_number(1), {"a", "b", "c"}));
  EXPECT_FALSE(add(jid_number(1), {"a"}));
  hold.release();
  EXPECT_TRUE(eventually([&] { return returned.size() == 3; }));
}

TEST_F(LedgerTest, ReturnsBeyondTheBoundAreRefusedAndLeftUntouched) {
  store.put_job(*job_for(1, {"a", "b", "c", "d", "e"}));
  LedgerOptions options;
  options.queue = 4;
  MemoryStore::Hold hold(store);
  start(options);
  ASSERT_TRUE(add(jid_number(1), {"a", "b", "c"}));
  std::vector<PendingReturn> values{{session_number(5), return_of(jid_number(1), "d")}, {session_number(5), return_of(jid_number(1), "e")}};
  EXPECT_FALSE(ledger->add_returns(std::move(values)));
  ASSERT_EQ(values.size(), 2u);  // NOLINT(bugprone-use-after-move): a refused batch stays with its owner
  EXPECT_EQ(values[0].record.minion.str(), "d");
  EXPECT_EQ(values[1].record.payload, "true");
  hold.release();
  ASSERT_TRUE(eventually([&] { return returned.size() == 3; }));
  EXPECT_TRUE(ledger->add_returns(std::move(values)));
  EXPECT_TRUE(eventually([&] { return returned.size() == 5; }));
}

TEST_F(LedgerTest, FullQueueOfEntriesLeavesTheReturnsUntouched) {
  LedgerOptions options;
  options.queue = 2;
  make(options);  // not started: nothing leaves the queue
  ASSERT_TRUE(ledger->keep_setting("x", "1"));
  ASSERT_TRUE(ledger->keep_setting("y", "2"));
  std::vector<PendingReturn> values{{session_number(5), return_of(jid_number(1), "d")}};
  EXPECT_FALSE(ledger->add_returns(std::move(values)));
  ASSERT_EQ(values.size(), 1u);  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(values[0].record.minion.str(), "d");
  EXPECT_FALSE(publish(1, {"a"}));
  EXPECT_FALSE(ledger->keep_setting("z", "3"));
}

TEST_F(LedgerTest, ReturnsThatWaitForTheStoreCountAgainstTheBound) {
  store.put_job(*job_for(1, {"a", "b", "c"}));
  LedgerOptions options;
  options.queue = 2;
  start(options);
  store.go_away("gone");
  ASSERT_TRUE(add(jid_number(1), {"a", "b"}));
  ASSERT_TRUE(eventually([&] { return !ledger->available() && ledger->depth() == 0; }));
  EXPECT_FALSE(add(jid_number(1), {"c"}));
  store.come_back();
  ASSERT_TRUE(eventually([&] { return returned.size() == 2; }));
  EXPECT_TRUE(add(jid_number(1), {"c"}));
}

TEST_F(LedgerTest, StopCommitsWhatIsQueued) {
  std::vector<MinionId> everyone;
  auto job = job_for(1, {});
  for (int i = 0; i < 50; ++i) job->expected.push_back(minion_id(fmt::format("m{:02}", i)));
  store.put_job(*job);
  LedgerOptions options;
  options.batch = 4;
  make(options);
  for (const MinionId& id : job->expected) ASSERT_TRUE(add(job->jid, {id.str()}));
  publish(2, {"a"});
  ledger->start(*store.feed_end());
  ledger->stop();
  EXPECT_EQ(store.kept().size(), 50u);
  EXPECT_THAT(answers.lines(), ElementsAre("published " + jid_number(2).str()));
}

TEST_F(LedgerTest, NothingIsTakenAfterStop) {
  start();
  ledger->stop();
  EXPECT_FALSE(publish(1, {"a"}));
  EXPECT_FALSE(add(jid_number(1), {"a"}));
}

TEST_F(LedgerTest, StopWithoutAStoreAnswersEveryQueuedJob) {
  LedgerOptions options;
  options.batch = 2;
  store.go_away("gone");
  make(options);
  for (int number = 1; number <= 9; ++number) publish(number, {"a"});
  ledger->start({});
  ledger->stop();
  EXPECT_EQ(answers.size(), 9u);
}

}  // namespace
}  // namespace brine::engine
