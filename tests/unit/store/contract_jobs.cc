#include <gmock/gmock.h>

#include "tests/unit/store/contract.h"

namespace brine::store {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<JobId> jids(const std::vector<FeedEntry>& entries) {
  std::vector<JobId> all;
  for (const FeedEntry& entry : entries) all.push_back(entry.jid);
  return all;
}

void expect_same(const JobRecord& a, const JobRecord& b) {
  EXPECT_EQ(a.jid, b.jid);
  EXPECT_EQ(a.submission, b.submission);
  EXPECT_EQ(a.function, b.function);
  EXPECT_EQ(a.arguments, b.arguments);
  EXPECT_EQ(a.target_kind, b.target_kind);
  EXPECT_EQ(a.target, b.target);
  EXPECT_EQ(a.user, b.user);
  EXPECT_EQ(a.uid, b.uid);
  EXPECT_EQ(a.issued, b.issued);
  EXPECT_EQ(a.not_after, b.not_after);
  EXPECT_EQ(a.expected, b.expected);
  EXPECT_EQ(a.signed_job, b.signed_job);
  EXPECT_EQ(a.signature, b.signature);
  EXPECT_EQ(a.forget_at, b.forget_at);
}

}  // namespace

TEST_P(StoreContract, ANewStoreIsEmptyAndHasAnEpoch) {
  EXPECT_NE(store().epoch(), 0U);
  EXPECT_TRUE(value_of(store().last_jid()).empty());
  EXPECT_EQ(value_of(store().feed_end()), (FeedPosition{store().epoch(), 0}));
  EXPECT_THAT(value_of(store().feed_after({}, 10)), IsEmpty());
  EXPECT_THAT(value_of(store().keys()), IsEmpty());
  EXPECT_THAT(value_of(store().list_jobs({})).jobs, IsEmpty());
  EXPECT_THAT(value_of(store().outbox_after(0, 10)), IsEmpty());
}

TEST_P(StoreContract, TwoStoresHaveDifferentEpochs) {
  const auto other = GetParam().make_home();
  EXPECT_NE(store().epoch(), other->store().epoch());
}

TEST_P(StoreContract, TheEpochSurvivesARestart) {
  const auto epoch = store().epoch();
  restart();
  EXPECT_EQ(store().epoch(), epoch);
}

TEST_P(StoreContract, AnEmptyBatchIsACommit) {
  EXPECT_TRUE(Batch{}.empty());
  const auto outcome = commit({});
  EXPECT_THAT(outcome.jobs, IsEmpty());
  EXPECT_THAT(outcome.returns, IsEmpty());
}

TEST_P(StoreContract, APublishedJobIsReadBackWithEveryField) {
  const auto job = make_job(1, minions({"a", "ab", "abc.example.org", "b-1"}));
  EXPECT_EQ(publish(job), JobResult::kPublished);
  restart();
  const auto read = value_of(store().job(job.jid));
  ASSERT_TRUE(read.has_value());
  expect_same(*read, job);
}

TEST_P(StoreContract, AJobOfTenThousandMinionsIsReadBack) {
  std::vector<MinionId> many;
  for (int i = 0; i < 10'000; ++i) many.push_back(minion("node-" + std::to_string(100'000 + i) + ".cloud.example.org"));
  EXPECT_EQ(publish(make_job(1, many)), JobResult::kPublished);
  EXPECT_EQ(value_of(store().job(jid_number(1)))->expected, many);
}

TEST_P(StoreContract, AnUnknownJobIsNothing) {
  EXPECT_FALSE(value_of(store().job(jid_number(7))).has_value());
  EXPECT_FALSE(value_of(store().job_of(submission(7))).has_value());
  EXPECT_THAT(value_of(store().returned_minions(jid_number(7))), IsEmpty());
  EXPECT_THAT(value_of(store().returns_of(jid_number(7), {}, 10)), IsEmpty());
}

TEST_P(StoreContract, ASubmissionNamesItsJob) {
  publish(make_job(1, minions({"a"})));
  EXPECT_EQ(value_of(store().job_of(submission(1))), jid_number(1));
}

TEST_P(StoreContract, ARepeatedSubmissionAnswersWithTheFirstJidAndWritesNothing) {
  publish(make_job(1, minions({"a"})));
  auto again = make_job(2, minions({"a"}));
  again.submission = submission(1);
  Batch batch;
  batch.jobs.push_back(again);
  const auto outcome = commit(batch);
  EXPECT_THAT(outcome.jobs, ElementsAre(JobResult::kRepeated));
  EXPECT_THAT(outcome.jids, ElementsAre(jid_number(1)));
  EXPECT_FALSE(value_of(store().job(jid_number(2))).has_value());
  EXPECT_EQ(value_of(store().feed_end()).counter, 1U);
  EXPECT_EQ(value_of(store().last_jid()), jid_number(1));
}

TEST_P(StoreContract, ARepeatedSubmissionWithTheSameJidIsARepetitionRatherThanATakenJid) {
  publish(make_job(1, minions({"a"})));
  EXPECT_EQ(publish(make_job(1, minions({"a"}))), JobResult::kRepeated);
}

TEST_P(StoreContract, ARepeatedSubmissionWithTheJidOfAnotherJobLeavesThatAlone) {
  publish(make_job(1, minions({"a"})));
  publish(make_job(2, minions({"b"})));
  auto again = make_job(2, minions({"a"}));
  again.submission = submission(1);
  EXPECT_EQ(publish(again), JobResult::kRepeated);
  ASSERT_TRUE(value_of(store().job(jid_number(2))).has_value());
  EXPECT_EQ(value_of(store().job(jid_number(2)))->expected, minions({"b"}));
}

TEST_P(StoreContract, ATakenJidIsRefusedAndTheFirstJobStays) {
  publish(make_job(1, minions({"a"})));
  auto other = make_job(1, minions({"b"}));
  other.submission = submission(2);
  EXPECT_EQ(publish(other), JobResult::kJidExists);
  EXPECT_EQ(value_of(store().job(jid_number(1)))->expected, minions({"a"}));
  EXPECT_FALSE(value_of(store().job_of(submission(2))).has_value());
}

TEST_P(StoreContract, WithinOneBatchTheFirstOfASubmissionAndOfAJidWins) {
  auto same_submission = make_job(2, minions({"a"}));
  same_submission.submission = submission(1);
  auto same_jid = make_job(1, minions({"a"}));
  same_jid.submission = submission(3);
  Batch batch;
  batch.jobs = {make_job(1, minions({"a"})), same_submission, same_jid, make_job(4, minions({"a"}))};
  const auto outcome = commit(batch);
  EXPECT_THAT(outcome.jobs, ElementsAre(JobResult::kPublished, JobResult::kRepeated, JobResult::kJidExists, JobResult::kPublished));
  EXPECT_EQ(outcome.jids[1], jid_number(1));
  EXPECT_EQ(outcome.jids[3], jid_number(4));
  EXPECT_THAT(jids(value_of(store().feed_after({}, 10))), ElementsAre(jid_number(1), jid_number(4)));
}

TEST_P(StoreContract, AMalformedItemRefusesTheWholeBatchAndLeavesTheStoreUsable) {
  Batch batch;
  batch.jobs = {make_job(1, minions({"a"})), make_job(2, minions({"b", "a"}))};
  batch.settings["name"] = "value";
  const auto outcome = store().commit(batch);
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().code, Code::kInvalid);
  EXPECT_FALSE(value_of(store().job(jid_number(1))).has_value());
  EXPECT_FALSE(value_of(store().setting("name")).has_value());
  EXPECT_EQ(value_of(store().feed_end()).counter, 0U);
  EXPECT_EQ(add(make_return(1, "a")), ReturnResult::kLate);
  EXPECT_EQ(publish(make_job(1, minions({"a"}))), JobResult::kPublished);
  EXPECT_EQ(value_of(store().feed_end()).counter, 1U);
}

TEST_P(StoreContract, AJobWithoutAJidIsInvalid) {
  Batch batch;
  batch.jobs.push_back(make_job(1, minions({"a"})));
  batch.jobs[0].jid = JobId();
  const auto outcome = store().commit(batch);
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().code, Code::kInvalid);
}

TEST_P(StoreContract, TheLastJidIsTheHighestNotTheLatest) {
  publish(make_job(5, minions({"a"})));
  publish(make_job(3, minions({"a"})));
  EXPECT_EQ(value_of(store().last_jid()), jid_number(5));
  restart();
  EXPECT_EQ(value_of(store().last_jid()), jid_number(5));
}

TEST_P(StoreContract, TheFeedIsReadInPortionsInTheOrderOfCommits) {
  for (const int number : {5, 3, 9}) publish(make_job(number, minions({"a"})));
  const auto first = value_of(store().feed_after({store().epoch(), 0}, 2));
  EXPECT_THAT(jids(first), ElementsAre(jid_number(5), jid_number(3)));
  EXPECT_LT(first[0].position, first[1].position);
  EXPECT_EQ(first[0].position.epoch, store().epoch());
  const auto rest = value_of(store().feed_after(first[1].position, 10));
  EXPECT_THAT(jids(rest), ElementsAre(jid_number(9)));
  EXPECT_EQ(value_of(store().feed_end()), rest[0].position);
  EXPECT_THAT(value_of(store().feed_after(rest[0].position, 10)), IsEmpty());
}

TEST_P(StoreContract, AFeedPositionOfAnotherEpochCountsAsTheBeginning) {
  publish(make_job(1, minions({"a"})));
  EXPECT_THAT(jids(value_of(store().feed_after({store().epoch() + 1, 1000}, 10))), ElementsAre(jid_number(1)));
}

TEST_P(StoreContract, FeedPositionsGoOnAfterARestart) {
  publish(make_job(1, minions({"a"})));
  const auto before = value_of(store().feed_end());
  restart();
  EXPECT_EQ(value_of(store().feed_end()), before);
  publish(make_job(2, minions({"a"})));
  EXPECT_THAT(jids(value_of(store().feed_after(before, 10))), ElementsAre(jid_number(2)));
}

TEST_P(StoreContract, ACommitTellsTheFeedsEndBeforeAndAfterIt) {
  publish(make_job(1, minions({"a"})));
  const auto before = value_of(store().feed_end());
  Batch batch;
  batch.jobs = {make_job(2, minions({"a"})), make_job(3, minions({"b"}))};
  const auto outcome = commit(batch);
  EXPECT_EQ(outcome.feed_before, before);
  EXPECT_EQ(outcome.feed_end, value_of(store().feed_end()));
  EXPECT_THAT(jids(value_of(store().feed_after(outcome.feed_before, 10))), ElementsAre(jid_number(2), jid_number(3)));
  EXPECT_THAT(value_of(store().feed_after(outcome.feed_end, 10)), IsEmpty());
}

TEST_P(StoreContract, OpenJobsAreThoseWhoseEndHasNotPassedOldestFirst) {
  for (const int number : {3, 1, 2}) publish(make_job(number, minions({"a"})));  // not_after: 2000 + number
  EXPECT_THAT(value_of(store().open_jobs(2002)), ElementsAre(jid_number(2), jid_number(3)));
  EXPECT_THAT(value_of(store().open_jobs(2004)), IsEmpty());
}

TEST_P(StoreContract, ASummaryShowsWhatWasAskedAndHowManyAnswered) {
  const auto job = make_job(1, minions({"a", "b", "c"}));
  publish(job);
  add(make_return(1, "a"));
  add(make_return(1, "a"));
  add(make_return(1, "c"));
  const auto summary = newest_job();
  EXPECT_EQ(summary.function, job.function);
  EXPECT_EQ(summary.arguments, job.arguments);
  EXPECT_EQ(summary.target_kind, job.target_kind);
  EXPECT_EQ(summary.target, job.target);
  EXPECT_EQ(summary.user, job.user);
  EXPECT_EQ(summary.issued, job.issued);
  EXPECT_EQ(summary.not_after, job.not_after);
  EXPECT_EQ(summary.expected, 3U);
  EXPECT_EQ(summary.returned, 2U);
  EXPECT_EQ(summary.failed, 0U);
}

}  // namespace brine::store
