#include <gmock/gmock.h>

#include "tests/unit/store/contract.h"

namespace brine::store {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

void expect_same(const ReturnRecord& a, const ReturnRecord& b) {
  EXPECT_EQ(a.jid, b.jid);
  EXPECT_EQ(a.minion, b.minion);
  EXPECT_EQ(a.outcome, b.outcome);
  EXPECT_EQ(a.retcode, b.retcode);
  EXPECT_EQ(a.success, b.success);
  EXPECT_EQ(a.payload, b.payload);
  EXPECT_EQ(a.started, b.started);
  EXPECT_EQ(a.duration_us, b.duration_us);
  EXPECT_EQ(a.received, b.received);
}

std::vector<MinionId> senders(const std::vector<ReturnRecord>& values) {
  std::vector<MinionId> all;
  for (const ReturnRecord& value : values) all.push_back(value.minion);
  return all;
}

}  // namespace

TEST_P(StoreContract, AFirstReturnIsReadBackWithEveryField) {
  publish(make_job(1, minions({"a", "b"})));
  auto value = make_return(1, "b", std::string("any\0byte\xff", 9));
  value.outcome = Outcome::kInterrupted;
  value.success = false;
  EXPECT_EQ(add(value), ReturnResult::kFirst);
  restart();
  const auto read = value_of(store().returns_of(jid_number(1), {}, 10));
  ASSERT_EQ(read.size(), 1U);
  expect_same(read[0], value);
}

TEST_P(StoreContract, AnEmptyAndALargePayloadAreKept) {
  publish(make_job(1, minions({"a", "b"})));
  const std::string large(1U << 20, 'x');
  Batch batch;
  batch.returns = {make_return(1, "a", ""), make_return(1, "b", large)};
  commit(batch);
  const auto read = value_of(store().returns_of(jid_number(1), {}, 10));
  ASSERT_EQ(read.size(), 2U);
  EXPECT_EQ(read[0].payload, "");
  EXPECT_EQ(read[1].payload, large);
}

TEST_P(StoreContract, TheSameReturnAgainIsCountedOnce) {
  publish(make_job(1, minions({"a"})));
  EXPECT_EQ(add(make_return(1, "a")), ReturnResult::kFirst);
  auto again = make_return(1, "a");
  again.received += 5;
  EXPECT_EQ(add(again), ReturnResult::kRepeated);
  EXPECT_EQ(value_of(store().outbox_usage()).entries, 1U);
  EXPECT_EQ(newest_job().returned, 1U);
  EXPECT_EQ(value_of(store().returns_of(jid_number(1), {}, 10)).at(0).received, make_return(1, "a").received);
}

TEST_P(StoreContract, ARepetitionIsRecognisedAfterARestart) {
  publish(make_job(1, minions({"a"})));
  add(make_return(1, "a"));
  restart();
  EXPECT_EQ(add(make_return(1, "a")), ReturnResult::kRepeated);
}

TEST_P(StoreContract, AnyOtherContentIsAConflictAndTheFirstIsKept) {
  publish(make_job(1, minions({"a"})));
  const auto first = make_return(1, "a", "1");
  add(first);
  auto payload = first, retcode = first, success = first, outcome = first;
  payload.payload = "2";
  retcode.retcode = 99;
  success.success = false;
  outcome.outcome = Outcome::kUnknown;
  Batch batch;
  batch.returns = {payload, retcode, success, outcome};
  EXPECT_THAT(commit(batch).returns, testing::Each(ReturnResult::kConflict));
  const auto read = value_of(store().returns_of(jid_number(1), {}, 10));
  ASSERT_EQ(read.size(), 1U);
  expect_same(read[0], first);
  EXPECT_EQ(value_of(store().outbox_usage()).entries, 1U);
}

TEST_P(StoreContract, WithinOneBatchTheFirstReturnOfAMinionWins) {
  publish(make_job(1, minions({"a", "b"})));
  Batch batch;
  batch.returns = {make_return(1, "a", "1"), make_return(1, "a", "1"), make_return(1, "a", "2"), make_return(1, "b", "3")};
  EXPECT_THAT(commit(batch).returns,
              ElementsAre(ReturnResult::kFirst, ReturnResult::kRepeated, ReturnResult::kConflict, ReturnResult::kFirst));
  EXPECT_EQ(newest_job().returned, 2U);
}

TEST_P(StoreContract, AJobAndItsReturnsMayBeInOneBatch) {
  Batch batch;
  batch.jobs.push_back(make_job(1, minions({"a"})));
  batch.returns.push_back(make_return(1, "a"));
  EXPECT_THAT(commit(batch).returns, ElementsAre(ReturnResult::kFirst));
  EXPECT_THAT(value_of(store().returned_minions(jid_number(1))), ElementsAre(minion("a")));
}

TEST_P(StoreContract, AReturnOfAMinionThatIsNotExpectedIsNotWritten) {
  publish(make_job(1, minions({"b", "d"})));
  Batch batch;
  for (const char* id : {"a", "c", "e", "bb"}) batch.returns.push_back(make_return(1, id));
  EXPECT_THAT(commit(batch).returns, testing::Each(ReturnResult::kUnexpected));
  EXPECT_THAT(value_of(store().returned_minions(jid_number(1))), IsEmpty());
  EXPECT_EQ(value_of(store().outbox_usage()).entries, 0U);
}

TEST_P(StoreContract, AReturnToAJobThatExpectsNobodyIsUnexpected) {
  publish(make_job(1, {}));
  EXPECT_EQ(add(make_return(1, "a")), ReturnResult::kUnexpected);
}

TEST_P(StoreContract, AReturnToAnUnknownJobIsLateAndCreatesNoRecord) {
  EXPECT_EQ(add(make_return(1, "a")), ReturnResult::kLate);
  EXPECT_FALSE(value_of(store().job(jid_number(1))).has_value());
  EXPECT_THAT(value_of(store().returns_of(jid_number(1), {}, 10)), IsEmpty());
  EXPECT_THAT(value_of(store().list_jobs({})).jobs, IsEmpty());
}

TEST_P(StoreContract, EachItemOfABatchHasItsOwnAnswer) {
  publish(make_job(1, minions({"a", "b"})));
  add(make_return(1, "a"));
  Batch batch;
  batch.returns = {make_return(1, "b"), make_return(1, "a"), make_return(1, "zz"), make_return(2, "a")};
  EXPECT_THAT(commit(batch).returns,
              ElementsAre(ReturnResult::kFirst, ReturnResult::kRepeated, ReturnResult::kUnexpected, ReturnResult::kLate));
}

TEST_P(StoreContract, AReturnWithoutAJidRefusesTheBatchAndNoneOfItCounts) {
  publish(make_job(1, minions({"a", "b"})));
  Batch batch;
  batch.returns = {make_return(1, "a"), make_return(1, "b")};
  batch.returns[1].jid = JobId();
  const auto outcome = store().commit(batch);
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().code, Code::kInvalid);
  EXPECT_EQ(add(make_return(1, "a")), ReturnResult::kFirst);
  EXPECT_EQ(newest_job().returned, 1U);
  EXPECT_EQ(value_of(store().outbox_usage()).entries, 1U);
}

TEST_P(StoreContract, ReturnsAreReadInOrderOfMinionsInPortions) {
  publish(make_job(1, minions({"a", "b", "c", "d"})));
  for (const char* id : {"d", "a", "c"}) add(make_return(1, id));
  const auto first = value_of(store().returns_of(jid_number(1), {}, 2));
  EXPECT_THAT(senders(first), ElementsAre(minion("a"), minion("c")));
  EXPECT_THAT(senders(value_of(store().returns_of(jid_number(1), first.back().minion, 2))), ElementsAre(minion("d")));
}

TEST_P(StoreContract, ReturnsAfterAMinionThatIsNotExpectedGoOnBehindItsPlace) {
  publish(make_job(1, minions({"a", "c"})));
  add(make_return(1, "a"));
  add(make_return(1, "c"));
  EXPECT_THAT(senders(value_of(store().returns_of(jid_number(1), minion("b"), 5))), ElementsAre(minion("c")));
}

TEST_P(StoreContract, ReturnedMinionsAreThoseOfThatJobOnly) {
  publish(make_job(1, minions({"a", "b", "c"})));
  publish(make_job(2, minions({"a", "b", "c"})));
  Batch batch;
  batch.returns = {make_return(1, "c"), make_return(1, "a"), make_return(2, "b")};
  commit(batch);
  EXPECT_THAT(value_of(store().returned_minions(jid_number(1))), ElementsAre(minion("a"), minion("c")));
  EXPECT_THAT(value_of(store().returned_minions(jid_number(2))), ElementsAre(minion("b")));
}

TEST_P(StoreContract, JidsThatNameTheSameInstantInTwoWaysAreTwoJobs) {
  auto leap = make_job(1, minions({"a"}));
  leap.jid = JobId::trusted("20261231235960000000");
  auto next = make_job(2, minions({"a"}));
  next.jid = JobId::trusted("20270101000000000000");
  EXPECT_EQ(publish(leap), JobResult::kPublished);
  EXPECT_EQ(publish(next), JobResult::kPublished);
  EXPECT_EQ(value_of(store().job(leap.jid))->jid, leap.jid);
  EXPECT_EQ(value_of(store().last_jid()), next.jid);
}

}  // namespace brine::store
