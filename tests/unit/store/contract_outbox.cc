#include <gmock/gmock.h>

#include "tests/unit/store/contract.h"

namespace brine::store {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> payloads(const std::vector<OutboxEntry>& entries) {
  std::vector<std::string> all;
  for (const OutboxEntry& entry : entries) all.push_back(entry.value.payload);
  return all;
}

}  // namespace

TEST_P(StoreContract, AFirstReturnIsInTheOutboxWithItsFunction) {
  publish(make_job(1, minions({"a"})));
  const auto value = make_return(1, "a", "payload");
  add(value);
  const auto entries = value_of(store().outbox_after(0, 10));
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_GT(entries[0].position, 0U);
  EXPECT_FALSE(entries[0].late);
  EXPECT_EQ(entries[0].function, "cmd.run");
  EXPECT_EQ(entries[0].value.jid, value.jid);
  EXPECT_EQ(entries[0].value.minion, value.minion);
  EXPECT_EQ(entries[0].value.payload, value.payload);
  EXPECT_EQ(entries[0].value.retcode, value.retcode);
  EXPECT_EQ(entries[0].value.received, value.received);
}

TEST_P(StoreContract, ALateReturnIsInTheOutboxMarkedLateWithoutFunction) {
  add(make_return(1, "a", "payload"));
  restart();
  const auto entries = value_of(store().outbox_after(0, 10));
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_TRUE(entries[0].late);
  EXPECT_EQ(entries[0].function, "");
  EXPECT_EQ(entries[0].value.jid, jid_number(1));
  EXPECT_EQ(entries[0].value.payload, "payload");
}

TEST_P(StoreContract, TheOutboxIsReadInPortionsInTheOrderOfArrival) {
  publish(make_job(1, minions({"a", "b", "c"})));
  Batch batch;
  batch.returns = {make_return(1, "c", "1"), make_return(9, "z", "2"), make_return(1, "a", "3")};
  commit(batch);
  add(make_return(1, "b", "4"));
  const auto first = value_of(store().outbox_after(0, 3));
  EXPECT_THAT(payloads(first), ElementsAre("1", "2", "3"));
  EXPECT_LT(first[0].position, first[1].position);
  EXPECT_LT(first[1].position, first[2].position);
  const auto rest = value_of(store().outbox_after(first[2].position, 3));
  EXPECT_THAT(payloads(rest), ElementsAre("4"));
  EXPECT_THAT(value_of(store().outbox_after(rest[0].position, 3)), IsEmpty());
}

TEST_P(StoreContract, UsageCountsEntriesAndAtLeastTheirPayloads) {
  EXPECT_EQ(value_of(store().outbox_usage()).bytes, 0U);
  EXPECT_EQ(value_of(store().outbox_usage()).end, 0U);
  publish(make_job(1, minions({"a", "b"})));
  add(make_return(1, "a", std::string(1000, 'x')));
  add(make_return(1, "b", std::string(500, 'x')));
  const auto usage = value_of(store().outbox_usage());
  EXPECT_EQ(usage.entries, 2U);
  EXPECT_GE(usage.bytes, 1500U);
  EXPECT_LT(usage.bytes, 3000U);
  EXPECT_EQ(usage.end, value_of(store().outbox_after(0, 10)).back().position);
}

TEST_P(StoreContract, AReturnersPositionIsRememberedAndNeverGoesBack) {
  publish(make_job(1, minions({"a", "b"})));
  add(make_return(1, "a"));
  add(make_return(1, "b"));
  const auto entries = value_of(store().outbox_after(0, 10));
  EXPECT_EQ(value_of(store().returner_position("kafka")), 0U);
  acknowledge("kafka", entries[1].position);
  restart();
  EXPECT_EQ(value_of(store().returner_position("kafka")), entries[1].position);
  EXPECT_EQ(value_of(store().returner_position("file")), 0U);
  acknowledge("kafka", entries[0].position);
  EXPECT_EQ(value_of(store().returner_position("kafka")), entries[1].position);
}

TEST_P(StoreContract, AcknowledgingAloneRemovesNothing) {
  publish(make_job(1, minions({"a"})));
  add(make_return(1, "a"));
  acknowledge("kafka", value_of(store().outbox_after(0, 10))[0].position);
  EXPECT_EQ(value_of(store().outbox_after(0, 10)).size(), 1U);
}

TEST_P(StoreContract, WhatEveryReturnerHasPassedLeavesTheOutboxAndStaysWithItsJob) {
  publish(make_job(1, minions({"a", "b"})));
  add(make_return(1, "a", "1"));
  add(make_return(1, "b", "2"));
  const auto entries = value_of(store().outbox_after(0, 10));
  acknowledge("kafka", entries[1].position);
  acknowledge("file", entries[0].position);
  expire(0, {"kafka", "file"});
  EXPECT_THAT(payloads(value_of(store().outbox_after(0, 10))), ElementsAre("2"));
  EXPECT_EQ(value_of(store().outbox_usage()).entries, 1U);
  EXPECT_EQ(value_of(store().returns_of(jid_number(1), {}, 10)).size(), 2U);
}

TEST_P(StoreContract, AReturnerNeverSeenKeepsEverything) {
  publish(make_job(1, minions({"a"})));
  add(make_return(1, "a"));
  acknowledge("kafka", value_of(store().outbox_after(0, 10))[0].position);
  expire(0, {"kafka", "new"});
  EXPECT_EQ(value_of(store().outbox_usage()).entries, 1U);
}

TEST_P(StoreContract, WithoutReturnersNothingIsKeptForThem) {
  publish(make_job(1, minions({"a"})));
  add(make_return(1, "a"));
  add(make_return(9, "a"));
  const std::uint64_t end = value_of(store().outbox_usage()).end;
  expire(0, {});
  EXPECT_EQ(value_of(store().outbox_usage()).end, end);
  EXPECT_THAT(value_of(store().outbox_after(0, 10)), IsEmpty());
  EXPECT_EQ(value_of(store().outbox_usage()).entries, 0U);
  EXPECT_EQ(value_of(store().outbox_usage()).bytes, 0U);
}

TEST_P(StoreContract, EntriesOlderThanTheBoundGoThoughNobodyTookThem) {
  publish(make_job(1, minions({"a", "b", "c"})));
  auto oldest = make_return(1, "a", "1"), old = make_return(9, "b", "2"), young = make_return(1, "c", "3");
  oldest.received = 100;
  old.received = 200;
  young.received = 300;
  for (const auto& value : {oldest, old, young}) add(value);
  expire(0, {"kafka"}, 1000, 300);
  EXPECT_THAT(payloads(value_of(store().outbox_after(0, 10))), ElementsAre("3"));
}

TEST_P(StoreContract, BeyondTheBoundOfBytesTheOldestGoThoughNobodyTookThemAndAreCounted) {
  publish(make_job(1, minions({"a", "b", "c"})));
  for (const char* from : {"a", "b", "c"}) add(make_return(1, from));
  const auto all = value_of(store().outbox_usage());
  const Retention one_too_many{0, 1000, {"kafka"}, 0, all.bytes - 1};
  EXPECT_EQ(value_of(store().expire(one_too_many)).dropped, 1U);
  EXPECT_EQ(value_of(store().expire(one_too_many)).dropped, 0U);
  const auto left = value_of(store().outbox_after(0, 10));
  ASSERT_EQ(left.size(), 2U);
  EXPECT_EQ(left[0].value.minion, minion("b"));
  EXPECT_LT(value_of(store().outbox_usage()).bytes, all.bytes);
  EXPECT_EQ(value_of(store().returned_minions(jid_number(1))).size(), 3U) << "the record of the job is not the outbox";
}

TEST_P(StoreContract, WhatEveryReturnerHasPassedIsNotCountedAsDropped) {
  publish(make_job(1, minions({"a", "b"})));
  for (const char* from : {"a", "b"}) add(make_return(1, from));
  acknowledge("kafka", value_of(store().outbox_after(0, 10))[0].position);
  const auto expired = value_of(store().expire({0, 1000, {"kafka"}, 0, 1}));
  EXPECT_EQ(expired.dropped, 1U);
  EXPECT_EQ(value_of(store().outbox_usage()).entries, 0U);
}

TEST_P(StoreContract, WithoutABoundOfBytesNothingIsDropped) {
  publish(make_job(1, minions({"a"})));
  add(make_return(1, "a"));
  EXPECT_EQ(value_of(store().expire({0, 1000, {"kafka"}, 0, 0})).dropped, 0U);
  EXPECT_EQ(value_of(store().outbox_usage()).entries, 1U);
}

TEST_P(StoreContract, PositionsAreNotUsedTwiceThoughTheOutboxBecameEmpty) {
  add(make_return(9, "a", "1"));
  const auto first = value_of(store().outbox_after(0, 10))[0].position;
  expire(0, {});
  restart();
  add(make_return(9, "a", "2"));
  EXPECT_GT(value_of(store().outbox_after(0, 10))[0].position, first);
}

}  // namespace brine::store
