#include "metrics/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace brine::metrics {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST(Registry, ACounterIsShownWithItsHelpTypeAndTheValueOfThatMoment) {
  std::atomic<std::uint64_t> returns{3};
  Registry registry;
  registry.counter("brine_master_returns_total", "Returns.", value_of(returns));
  EXPECT_EQ(registry.text(),
            "# HELP brine_master_returns_total Returns.\n"
            "# TYPE brine_master_returns_total counter\n"
            "brine_master_returns_total 3\n");
  returns = 9'007'199'254'740'991;
  EXPECT_THAT(registry.text(), HasSubstr("brine_master_returns_total 9007199254740991\n"));
}

TEST(Registry, SeriesOfAFamilyStandTogetherUnderOneHelp) {
  Registry registry;
  registry.gauge("brine_keys", "Keys.", {{{{"state", "accepted"}}, [] { return 2.0; }}, {{{"state", "pending"}}, [] { return 0.5; }}});
  EXPECT_EQ(registry.text(),
            "# HELP brine_keys Keys.\n"
            "# TYPE brine_keys gauge\n"
            "brine_keys{state=\"accepted\"} 2\n"
            "brine_keys{state=\"pending\"} 0.5\n");
}

TEST(Registry, ValuesOfLabelsAreEscaped) {
  Registry registry;
  registry.gauge("brine_entries", "Entries.", {{{{"returner", "a\"b\\c\nd"}}, [] { return 1.0; }}});
  EXPECT_THAT(registry.text(), HasSubstr("brine_entries{returner=\"a\\\"b\\\\c\\nd\"} 1\n"));
}

TEST(Registry, AHistogramIsCumulativeAndInSeconds) {
  DurationHistogram commits({microseconds(500), microseconds(2'000'000)});
  for (const int value : {100, 500, 1'000, 3'000'000}) commits.observe(microseconds(value));
  Registry registry;
  registry.histogram("brine_commit_seconds", "Commits.", {{{}, &commits}});
  EXPECT_EQ(registry.text(),
            "# HELP brine_commit_seconds Commits.\n"
            "# TYPE brine_commit_seconds histogram\n"
            "brine_commit_seconds_count 4\n"
            "brine_commit_seconds_sum 3.0016\n"
            "brine_commit_seconds_bucket{le=\"0.0005\"} 2\n"
            "brine_commit_seconds_bucket{le=\"2\"} 3\n"
            "brine_commit_seconds_bucket{le=\"+Inf\"} 4\n");
}

TEST(Registry, NamesSayTheirUnit) {
  EXPECT_THAT(name_complaint(Kind::kCounter, "brine_returns_total"), IsEmpty());
  EXPECT_THAT(name_complaint(Kind::kGauge, "brine_outbox_bytes"), IsEmpty());
  EXPECT_THAT(name_complaint(Kind::kHistogram, "brine_commit_seconds"), IsEmpty());
  EXPECT_THAT(name_complaint(Kind::kCounter, "brine_returns"), Not(IsEmpty()));
  EXPECT_THAT(name_complaint(Kind::kGauge, "brine_outbox_total"), Not(IsEmpty()));
  EXPECT_THAT(name_complaint(Kind::kGauge, "brine_outbox_ms"), Not(IsEmpty()));
  EXPECT_THAT(name_complaint(Kind::kHistogram, "brine_commit_us"), Not(IsEmpty()));
  for (const char* name : {"", "1_total", "Brine_total", "brine-returns_total", "_total"})
    EXPECT_THAT(name_complaint(Kind::kCounter, name), Not(IsEmpty())) << name;
}

TEST(RegistryDeathTest, AFamilyThatBreaksTheRulesEndsTheProgram) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Registry registry;
  registry.counter("brine_a_total", "A.", [] { return 0.0; });
  EXPECT_DEATH(registry.counter("brine_a_total", "Again.", [] { return 0.0; }), "");
  EXPECT_DEATH(registry.counter("brine_b_total", "", [] { return 0.0; }), "");
  EXPECT_DEATH(registry.gauge("brine_c", "No unit.", [] { return 0.0; }), "");
}

TEST(Registry, ManyMayReadWhileFamiliesAreAdded) {
  std::atomic<int> value{0};
  Registry registry;
  registry.counter("brine_first_total", "First.", value_of(value));
  std::vector<std::jthread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&] {
      for (int n = 0; n < 200; ++n) EXPECT_THAT(registry.text(), testing::StartsWith("# HELP brine_first_total First.\n"));
    });
  }
  for (int n = 0; n < 50; ++n) registry.counter("brine_n" + std::to_string(n) + "_total", "One of many.", value_of(value));
  readers.clear();
  EXPECT_THAT(registry.text(), HasSubstr("brine_n49_total 0\n"));
}

}  // namespace
}  // namespace brine::metrics
