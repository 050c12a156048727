#include "tests/unit/returners/contract.h"

#include <gmock/gmock.h>

#include <set>

#include "tests/unit/returners/outbox_entries.h"

namespace brine::returners {

using testing::ElementsAreArray;
using testing::IsSubsetOf;
using testing::IsSupersetOf;

bool ReturnerContract::deliver_all(Returner& returner, std::vector<Record> records) {
  for (int i = 0; i < 100 && !records.empty(); ++i) {
    const Delivery delivery = returner.deliver(records, {});
    records.erase(records.begin(), records.begin() + static_cast<std::ptrdiff_t>(delivery.settled));
  }
  return records.empty();
}

TEST_P(ReturnerContract, EveryRecordArrivesAsItIsAndInOrder) {
  const auto returner = backend->open();
  ASSERT_NE(returner, nullptr);
  const auto first = records_from_to(1, 100);
  const auto second = records_from_to(101, 101);
  const Delivery delivery = returner->deliver(first, {});
  ASSERT_TRUE(delivery.status.has_value()) << delivery.status.error().message;
  EXPECT_EQ(delivery.settled, 100u);
  EXPECT_TRUE(delivery.refused.empty());
  ASSERT_TRUE(deliver_all(*returner, second));
  std::vector<std::string> expected = texts_of(first);
  expected.push_back(second[0].json);
  EXPECT_THAT(backend->received(), ElementsAreArray(expected));
}

TEST_P(ReturnerContract, EventsArriveToo) {
  const auto returner = backend->open();
  ASSERT_NE(returner, nullptr);
  const std::vector<Record> records{record_of(entry_number(1)), record_of(event_number(2))};
  ASSERT_TRUE(deliver_all(*returner, records));
  EXPECT_THAT(backend->received(), testing::UnorderedElementsAreArray(texts_of(records)));
}

TEST_P(ReturnerContract, TheNextLifeGoesOn) {
  auto returner = backend->open();
  ASSERT_NE(returner, nullptr);
  ASSERT_TRUE(deliver_all(*returner, records_from_to(1, 2)));
  returner = nullptr;
  returner = backend->open();
  ASSERT_NE(returner, nullptr);
  ASSERT_TRUE(deliver_all(*returner, records_from_to(3, 3)));
  EXPECT_THAT(backend->received(), ElementsAreArray(texts_of(records_from_to(1, 3))));
}

TEST_P(ReturnerContract, WhileItIsAwayNothingCountsAsDeliveredAndAfterwardsNothingIsMissing) {
  const auto returner = backend->open();
  ASSERT_NE(returner, nullptr);
  ASSERT_TRUE(deliver_all(*returner, records_from_to(1, 3)));
  backend->go_away();
  const auto later = records_from_to(4, 6);
  const Delivery refused = returner->deliver(later, {});
  EXPECT_EQ(refused.settled, 0u);
  EXPECT_TRUE(refused.refused.empty());
  ASSERT_FALSE(refused.status.has_value());
  EXPECT_EQ(refused.status.error().code, Code::kUnavailable) << refused.status.error().message;
  backend->come_back();
  ASSERT_TRUE(deliver_all(*returner, later));
  const auto received = backend->received();
  EXPECT_THAT(received, IsSupersetOf(texts_of(records_from_to(1, 6))));
  EXPECT_THAT(std::set<std::string>(received.begin(), received.end()), IsSubsetOf(texts_of(records_from_to(1, 6))));
}

TEST_P(ReturnerContract, ItOpensWhileTheBackendIsAway) {
  if (!backend->opens_while_away()) {
    backend->go_away();
    EXPECT_EQ(backend->open(), nullptr);
    return;
  }
  ASSERT_TRUE(deliver_all(*backend->open(), records_from_to(1, 1)));
  backend->go_away();
  const auto returner = backend->open();
  ASSERT_NE(returner, nullptr);
  backend->come_back();
  ASSERT_TRUE(deliver_all(*returner, records_from_to(2, 3)));
  EXPECT_THAT(backend->received(), IsSupersetOf(texts_of(records_from_to(1, 3))));
}

TEST_P(ReturnerContract, WhatItWillNeverTakeIsRefusedAloneAndTheOthersArrive) {
  auto impossible = backend->unacceptable();
  if (!impossible) return;  // this kind takes everything
  const auto returner = backend->open();
  ASSERT_NE(returner, nullptr);
  std::vector<Record> records = records_from_to(1, 2);
  records.insert(records.begin() + 1, *impossible);
  std::vector<std::string> why;
  std::size_t settled = 0;
  for (int i = 0; i < 100 && settled < records.size(); ++i) {
    const Delivery delivery = returner->deliver(std::span(records).subspan(settled), {});
    for (const Refusal& refusal : delivery.refused) {
      EXPECT_EQ(settled + refusal.index, 1u);
      why.push_back(refusal.why);
    }
    settled += delivery.settled;
  }
  EXPECT_EQ(settled, 3u);
  ASSERT_EQ(why.size(), 1u);
  EXPECT_FALSE(why[0].empty());
  EXPECT_THAT(backend->received(), IsSupersetOf(texts_of(records_from_to(1, 2))));
  EXPECT_THAT(backend->received(), testing::Not(testing::Contains(impossible->json)));
}

TEST_P(ReturnerContract, AStopEndsADeliveryToABackendThatIsAway) {
  const auto returner = backend->open();
  ASSERT_NE(returner, nullptr);
  backend->go_away();
  std::stop_source stop;
  stop.request_stop();
  EXPECT_FALSE(returner->deliver(records_from_to(1, 3), stop.get_token()).status.has_value());
}

}  // namespace brine::returners
