#include "store/packed_jid.h"

#include <gtest/gtest.h>

namespace brine::store {
namespace {

TEST(PackedJid, TurnsBackIntoTheSameText) {
  for (const char* text :
       {"20260731235959999999", "20260101000000000000", "00000101000000000001", "99991231235960999999", "20260228000000000000"}) {
    const auto packed = pack(JobId::trusted(text));
    ASSERT_TRUE(packed.has_value()) << text;
    EXPECT_GT(*packed, kNoJid);
    EXPECT_EQ(unpack(*packed).str(), text);
  }
}

TEST(PackedJid, KeepsTheOrder) {
  EXPECT_LT(*pack(JobId::trusted("20261231235960999999")), *pack(JobId::trusted("20270101000000000000")));
  EXPECT_LT(*pack(JobId::trusted("20260131000000000000")), *pack(JobId::trusted("20260201000000000000")));
  EXPECT_LT(*pack(JobId::trusted("20260131000000000000")), *pack(JobId::trusted("20260131000000000001")));
}

TEST(PackedJid, RefusesWhatIsNoJid) {
  for (const char* text : {"", "2026", "2026073123595999999x", "202607312359599999990", "20261331000000000000"}) {
    const auto packed = pack(JobId::trusted(text));
    ASSERT_FALSE(packed.has_value()) << text;
    EXPECT_EQ(packed.error().code, Code::kInvalid);
  }
}

TEST(PackedJid, NoneIsTheEmptyId) { EXPECT_TRUE(unpack(kNoJid).empty()); }

}  // namespace
}  // namespace brine::store
