// Bytes that were written once, by the first release: they must decode forever, and the encoder must still write them.
// A change that breaks these breaks fleets in the middle of an upgrade: give the message a new field instead.
#include <gtest/gtest.h>

#include "tests/unit/wire/samples.h"

namespace brine::wire {
namespace {

TEST(Golden, EveryMessageStillEncodesToTheSameBytes) {
  for (const Sample& sample : all_samples()) EXPECT_EQ(sample.encoded, golden(sample.name)) << sample.name;
}

TEST(Golden, EveryFileStillDecodesWithNothingLost) {
  for (const Sample& sample : all_samples()) {
    const std::string bytes = golden(sample.name);
    ASSERT_FALSE(bytes.empty()) << sample.name;
    const auto again = sample.recode(bytes);
    ASSERT_TRUE(again) << sample.name << ": " << again.error().message;
    EXPECT_EQ(*again, bytes) << sample.name;
  }
}

}  // namespace
}  // namespace brine::wire
