#include "front/mine_allowance.h"

#include <gtest/gtest.h>

namespace brine::front {
namespace {

constexpr MonoTime kStart{seconds(1'000)};

TEST(MineAllowance, AllThatAMinionMayHaveFitsAtOnceAndAFewTimesMore) {
  MineAllowance allowance;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(allowance.take(mine::kMaxMinionBytes, kStart));
  EXPECT_FALSE(allowance.take(mine::kMaxMinionBytes, kStart));
}

TEST(MineAllowance, AMinionMaySendItsAllEverySecondAndALittleMore) {
  MineAllowance allowance;
  MonoTime now = kStart;
  for (int i = 0; i < 100; ++i, now += milliseconds(1'100)) EXPECT_TRUE(allowance.take(mine::kMaxMinionBytes, now)) << i;
}

TEST(MineAllowance, ManySmallMessagesAreTooMuchToo) {
  MineAllowance allowance;
  int taken = 0;
  while (taken < 1'000'000 && allowance.take(0, kStart)) ++taken;
  EXPECT_EQ(taken, static_cast<int>(MineAllowance::kBurst / MineAllowance::kOverhead));
}

TEST(MineAllowance, SoManyReadsWaitAtOnce) {
  MineAllowance allowance;
  for (int i = 0; i < MineAllowance::kReads; ++i) EXPECT_TRUE(allowance.begin_read());
  EXPECT_FALSE(allowance.begin_read());
  allowance.end_read();
  EXPECT_TRUE(allowance.begin_read());
}

}  // namespace
}  // namespace brine::front
