#include "config/units.h"

#include <gtest/gtest.h>

namespace brine::config {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(Units, DurationsAreReadWithTheirUnit) {
  EXPECT_EQ(parse_duration("500ms"), milliseconds(500));
  EXPECT_EQ(parse_duration("10s"), seconds(10));
  EXPECT_EQ(parse_duration("5m"), minutes(5));
  EXPECT_EQ(parse_duration("2h"), hours(2));
  EXPECT_EQ(parse_duration("1d"), days(1));
  EXPECT_EQ(parse_duration("1.5h"), minutes(90));
}

TEST(Units, PlainNumberCountsThePlainUnit) {
  EXPECT_EQ(parse_duration("5"), seconds(5));
  EXPECT_EQ(parse_duration("0.25"), milliseconds(250));
  EXPECT_EQ(parse_duration("1000", milliseconds(1)), seconds(1));
  EXPECT_EQ(parse_duration("0"), milliseconds(0));
}

TEST(Units, WhatIsNoDurationIsRefused) {
  for (const char* text : {"", "s", "abc", "5 s", "-1", "5x", "1.2.3", ".", "1e3", "nan", "inf", "99999999999999999999d", "5sec"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

TEST(Units, DurationsArePrintedInTheLargestWholeUnit) {
  EXPECT_EQ(print_duration(milliseconds(0)), "0");
  EXPECT_EQ(print_duration(milliseconds(1500)), "1500ms");
  EXPECT_EQ(print_duration(seconds(90)), "90s");
  EXPECT_EQ(print_duration(hours(48)), "2d");
}

TEST(Units, SizesAreReadWithTheirUnit) {
  EXPECT_EQ(parse_size("0"), 0U);
  EXPECT_EQ(parse_size("10MiB"), 10U << 20);
  EXPECT_EQ(parse_size("10 mib"), 10U << 20);
  EXPECT_EQ(parse_size("1G"), 1U << 30);
  EXPECT_EQ(parse_size("1gb"), 1U << 30);
  EXPECT_EQ(parse_size("1.5KiB"), 1536U);
  EXPECT_EQ(parse_size("7B"), 7U);
}

TEST(Units, WhatIsNoSizeIsRefused) {
  for (const char* text : {"", "MiB", "-1", "10 bytes", "10XiB", "1e400", "9999999999TiB", "10Mi B", "abc"})
    EXPECT_FALSE(parse_size(text)) << text;
}

TEST(Units, PrintedSizesAreReadBack) {
  for (const std::uint64_t size : {0ULL, 1ULL, 1000ULL, 1024ULL, 1536ULL, 10ULL << 20, 3ULL << 40})
    EXPECT_EQ(parse_size(print_size(size)), size);
  EXPECT_EQ(print_size(10U << 20), "10MiB");
}

}  // namespace
}  // namespace brine::config
