#include <gmock/gmock.h>

#include "tests/unit/store/contract.h"

namespace brine::store {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

}  // namespace

TEST_P(StoreContract, AJobGoesWithItsReturnsSubmissionAndFeedEntryWhenItsTimeHasPassed) {
  publish(make_job(1, minions({"a"})));  // forget_at: 10'000 + number
  add(make_return(1, "a"));
  EXPECT_EQ(expire(10'000), 0U);
  EXPECT_TRUE(value_of(store().job(jid_number(1))).has_value());
  EXPECT_EQ(expire(10'001), 1U);
  EXPECT_FALSE(value_of(store().job(jid_number(1))).has_value());
  EXPECT_FALSE(value_of(store().job_of(submission(1))).has_value());
  EXPECT_THAT(value_of(store().returns_of(jid_number(1), {}, 10)), IsEmpty());
  EXPECT_THAT(value_of(store().returned_minions(jid_number(1))), IsEmpty());
  EXPECT_THAT(value_of(store().feed_after({}, 10)), IsEmpty());
  EXPECT_THAT(value_of(store().list_jobs({})).jobs, IsEmpty());
  EXPECT_THAT(value_of(store().open_jobs(0)), IsEmpty());
}

TEST_P(StoreContract, ExpiryGoesInPortions) {
  for (int i = 1; i <= 5; ++i) publish(make_job(i, minions({"a"})));
  EXPECT_EQ(expire(20'000, {}, 2), 2U);
  EXPECT_EQ(expire(20'000, {}, 2), 2U);
  EXPECT_EQ(expire(20'000, {}, 2), 1U);
  EXPECT_EQ(expire(20'000, {}, 2), 0U);
}

TEST_P(StoreContract, OnlyJobsThatAreDueGo) {
  auto keep = make_job(1, minions({"a"}));
  keep.forget_at = 50'000;
  publish(keep);
  publish(make_job(2, minions({"a"})));
  add(make_return(1, "a"));
  EXPECT_EQ(expire(20'000), 1U);
  EXPECT_TRUE(value_of(store().job(jid_number(1))).has_value());
  EXPECT_THAT(value_of(store().returned_minions(jid_number(1))), ElementsAre(minion("a")));
}

TEST_P(StoreContract, TheOutboxOutlivesTheJob) {
  publish(make_job(1, minions({"a", "b"})));
  add(make_return(1, "a", "1"));
  add(make_return(1, "b", "2"));
  acknowledge("kafka", value_of(store().outbox_after(0, 1))[0].position);
  EXPECT_EQ(expire(20'000), 1U);
  restart();
  const auto entries = value_of(store().outbox_after(0, 10));
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_FALSE(entries[0].late);
  EXPECT_EQ(entries[0].function, "cmd.run");
  EXPECT_EQ(entries[0].value.minion, minion("b"));
  EXPECT_EQ(entries[0].value.payload, "2");
  acknowledge("kafka", entries[0].position);
  expire(20'000);
  EXPECT_THAT(value_of(store().outbox_after(0, 10)), IsEmpty());
  EXPECT_EQ(value_of(store().outbox_usage()).entries, 0U);
}

TEST_P(StoreContract, AReturnAfterExpiryIsLateAndDoesNotRecreateTheRecord) {
  publish(make_job(1, minions({"a", "b"})));
  add(make_return(1, "a"));
  expire(20'000);
  EXPECT_EQ(add(make_return(1, "b")), ReturnResult::kLate);
  EXPECT_EQ(add(make_return(1, "a")), ReturnResult::kLate);
  EXPECT_FALSE(value_of(store().job(jid_number(1))).has_value());
  EXPECT_THAT(value_of(store().returned_minions(jid_number(1))), IsEmpty());
}

TEST_P(StoreContract, FeedEndAndLastJidSurviveTheExpiryOfAllJobs) {
  publish(make_job(1, minions({"a"})));
  const auto end = value_of(store().feed_end());
  expire(20'000);
  restart();
  EXPECT_EQ(value_of(store().feed_end()), end);
  EXPECT_EQ(value_of(store().last_jid()), jid_number(1));
  publish(make_job(2, minions({"a"})));
  EXPECT_EQ(value_of(store().feed_after(end, 10)).size(), 1U);
}

TEST_P(StoreContract, AnExpiredSubmissionMayComeAgain) {
  publish(make_job(1, minions({"a"})));
  expire(20'000);
  auto again = make_job(2, minions({"a"}));
  again.submission = submission(1);
  EXPECT_EQ(publish(again), JobResult::kPublished);
}

}  // namespace brine::store
