// Bytes that were written once, by the first release that had them: they must decode forever, and the encoder must still write them, unless
// the struct has got new fields since. A change that breaks these breaks fleets in the middle of an upgrade: give the message a new field
// instead, and a new file.
#include <gtest/gtest.h>

#include "tests/unit/wire/samples.h"

namespace brine::wire {
namespace {

TEST(Golden, EveryMessageStillEncodesToTheSameBytes) {
  for (const Sample& sample : all_samples()) {
    if (sample.grown) continue;
    EXPECT_EQ(sample.encoded, golden(sample.name)) << sample.name;
  }
}

TEST(Golden, EveryFileStillDecodesWithNothingLost) {
  for (const Sample& sample : all_samples()) {
    const std::string bytes = golden(sample.name);
    ASSERT_FALSE(bytes.empty()) << sample.name;
    const auto again = sample.recode(bytes);
    ASSERT_TRUE(again) << sample.name << ": " << again.error().message;
    EXPECT_EQ(*again, sample.grown ? sample.encoded : bytes) << sample.name;
  }
}

}  // namespace
}  // namespace brine::wire
