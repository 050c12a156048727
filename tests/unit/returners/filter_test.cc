#include "returners/filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/returners/outbox_entries.h"

namespace brine::returners {
namespace {

Filter filter_of(const config::ReturnerFilter& only, const config::ReturnerFilter& except = {}) {
  auto filter = Filter::make(only, except);
  EXPECT_TRUE(filter.has_value());
  return filter.value_or(Filter());
}

store::OutboxEntry with_outcome(store::Outcome outcome, bool success) {
  store::OutboxEntry entry = entry_number(1);
  entry.value.outcome = outcome;
  entry.value.success = success;
  return entry;
}

TEST(Filter, WithoutPatternsEveryReturnPasses) { EXPECT_TRUE(Filter().takes(entry_number(1))); }

TEST(Filter, OnlyTheFunctionsThatMatchOneOfThePatternsPass) {
  EXPECT_TRUE(filter_of({.functions = {"pkg.*", "test.*"}}).takes(entry_number(1)));
  EXPECT_FALSE(filter_of({.functions = {"pkg.*", "service.*"}}).takes(entry_number(1)));
}

TEST(Filter, OnlyTheMinionsThatMatchOneOfThePatternsPass) {
  EXPECT_TRUE(filter_of({.minions = {"db*", "web?"}}).takes(entry_number(1)));
  EXPECT_FALSE(filter_of({.minions = {"db*"}}).takes(entry_number(1)));
}

TEST(Filter, EveryListHasToMatch) {
  EXPECT_TRUE(filter_of({.functions = {"test.*"}, .minions = {"web*"}, .outcomes = {"success"}}).takes(entry_number(1)));
  EXPECT_FALSE(filter_of({.functions = {"test.*"}, .minions = {"db*"}, .outcomes = {"success"}}).takes(entry_number(1)));
}

TEST(Filter, WhatIsExceptedByAnyListDoesNotPass) {
  EXPECT_FALSE(filter_of({}, {.functions = {"test.ping"}}).takes(entry_number(1)));
  EXPECT_FALSE(filter_of({}, {.minions = {"web1"}}).takes(entry_number(1)));
  EXPECT_FALSE(filter_of({}, {.outcomes = {"success"}}).takes(entry_number(1)));
  EXPECT_TRUE(filter_of({}, {.functions = {"pkg.*"}, .minions = {"db*"}, .outcomes = {"failure"}}).takes(entry_number(1)));
}

TEST(Filter, AFailureIsWhatDidNotSucceedUnlessTheTargetDidNotMatch) {
  const Filter failures = filter_of({.outcomes = {"failure"}});
  EXPECT_TRUE(failures.takes(with_outcome(store::Outcome::kReturned, false)));
  EXPECT_TRUE(failures.takes(with_outcome(store::Outcome::kInterrupted, false)));
  EXPECT_FALSE(failures.takes(with_outcome(store::Outcome::kReturned, true)));
  EXPECT_FALSE(failures.takes(with_outcome(store::Outcome::kNoMatch, false)));
}

TEST(Filter, AnOutcomeIsChosenByItsName) {
  EXPECT_TRUE(filter_of({.outcomes = {"interrupted"}}).takes(with_outcome(store::Outcome::kInterrupted, false)));
  EXPECT_FALSE(filter_of({.outcomes = {"interrupted"}}).takes(with_outcome(store::Outcome::kRefused, false)));
}

TEST(Filter, ALateReturnWhoseFunctionIsNotKnownPassesEveryPatternOfFunctions) {
  store::OutboxEntry late = entry_number(1);
  late.late = true;
  late.function.clear();
  EXPECT_TRUE(filter_of({.functions = {"pkg.*"}}, {.functions = {"*"}}).takes(late));
  EXPECT_FALSE(filter_of({.minions = {"db*"}}).takes(late));
}

TEST(Filter, APatternThatIsTooLongIsAMistakeOfTheConfiguration) {
  const auto filter = Filter::make({.functions = {std::string(2'000, 'x')}}, {});
  ASSERT_FALSE(filter.has_value());
  EXPECT_EQ(filter.error().code, Code::kInvalid);
}

}  // namespace
}  // namespace brine::returners
