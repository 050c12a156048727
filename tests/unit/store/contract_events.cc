#include <gmock/gmock.h>

#include "tests/unit/store/contract.h"

namespace brine::store {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> contents(const std::vector<OutboxEntry>& entries) {
  std::vector<std::string> all;
  for (const OutboxEntry& entry : entries) all.push_back(entry.is_event() ? entry.event.data : entry.value.payload);
  return all;
}

EventRecord event_number(int number, std::string data) {
  return {"m:1:" + std::to_string(number), "brine/key", std::move(data), 1'790'000'000'000'000 + number};
}

}  // namespace

TEST_P(StoreContract, AnEventIsInTheOutboxAsItIs) {
  Batch batch;
  batch.events.push_back(event_number(1, R"({"act":"accept"})"));
  commit(batch);
  restart();
  const auto entries = value_of(store().outbox_after(0, 10));
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_TRUE(entries[0].is_event());
  EXPECT_GT(entries[0].position, 0U);
  EXPECT_EQ(entries[0].event.id, "m:1:1");
  EXPECT_EQ(entries[0].event.tag, "brine/key");
  EXPECT_EQ(entries[0].event.data, R"({"act":"accept"})");
  EXPECT_EQ(entries[0].event.at, 1'790'000'000'000'001);
  EXPECT_FALSE(entries[0].late);
}

TEST_P(StoreContract, ReturnsAndEventsShareTheOrderOfTheOutbox) {
  publish(make_job(1, minions({"a", "b"})));
  add(make_return(1, "a", "1"));
  Batch batch;
  batch.events.push_back(event_number(1, "2"));
  commit(batch);
  add(make_return(1, "b", "3"));
  EXPECT_THAT(contents(value_of(store().outbox_after(0, 10))), ElementsAre("1", "2", "3"));
  EXPECT_EQ(value_of(store().outbox_usage()).entries, 3U);
}

TEST_P(StoreContract, EventsThatEveryReturnerHasGoFromTheOutbox) {
  Batch batch;
  batch.events = {event_number(1, "1"), event_number(2, "2")};
  commit(batch);
  const auto entries = value_of(store().outbox_after(0, 10));
  acknowledge("kafka", entries[0].position);
  expire(0, {"kafka"});
  EXPECT_THAT(contents(value_of(store().outbox_after(0, 10))), ElementsAre("2"));
  acknowledge("kafka", entries[1].position);
  expire(0, {"kafka"});
  EXPECT_THAT(value_of(store().outbox_after(0, 10)), IsEmpty());
  EXPECT_EQ(value_of(store().outbox_usage()).bytes, 0U);
}

TEST_P(StoreContract, APageOfTheOutboxHoldsAboutEightMegabytes) {
  const std::vector<const char*> ids{"a", "b", "c", "d", "e", "f", "g", "h"};
  publish(make_job(1, minions({"a", "b", "c", "d", "e", "f", "g", "h"})));
  for (const char* id : ids) add(make_return(1, id, std::string(3U << 20, *id)));
  std::vector<OutboxEntry> all;
  std::size_t pages = 0;
  while (true) {
    const auto page = value_of(store().outbox_after(all.empty() ? 0 : all.back().position, 1000));
    if (page.empty()) break;
    EXPECT_LE(page.size(), 5U);
    all.insert(all.end(), page.begin(), page.end());
    ++pages;
  }
  EXPECT_GE(pages, 2U);
  ASSERT_EQ(all.size(), ids.size());
  EXPECT_EQ(all[7].value.payload[0], 'h');
}

}  // namespace brine::store
