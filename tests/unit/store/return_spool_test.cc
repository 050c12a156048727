#include "store/return_spool.h"

#include <gmock/gmock.h>

#include "tests/unit/store/scratch_folder.h"

namespace brine::store {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

MinionId id(std::string_view text) { return MinionId::parse(text).value_or(MinionId()); }

SpooledReturn made(int job, std::string_view minion, std::string payload = "true") {
  SpooledReturn value;
  value.chain = std::string("\0chain", 6);
  value.record.jid = job_id_at(job);
  value.record.minion = id(minion);
  value.record.outcome = Outcome::kInterrupted;
  value.record.retcode = -3;
  value.record.success = true;
  value.record.payload = std::move(payload);
  value.record.started = 5;
  value.record.duration_us = 6;
  value.record.received = 7;
  return value;
}

class ReturnSpoolTest : public testing::Test {
 protected:
  void open(std::uint64_t max_bytes = 1U << 20) {
    spool.reset();
    auto opened = open_return_spool({folder.path(), max_bytes});
    ASSERT_TRUE(opened) << opened.error().message;
    spool = std::move(*opened);
  }
  std::vector<std::uint64_t> add(std::vector<SpooledReturn> values) {
    EXPECT_TRUE(spool->write(values, {}));
    std::vector<std::uint64_t> positions;
    for (const SpooledReturn& value : values) positions.push_back(value.position);
    return positions;
  }
  std::vector<SpooledReturn> all(std::uint64_t after = 0, std::size_t max = 100, std::size_t bytes = 1U << 20) {
    auto page = spool->after(after, max, bytes);
    EXPECT_TRUE(page);
    return page.value_or(std::vector<SpooledReturn>());
  }

  ScratchFolder folder;
  std::unique_ptr<ReturnSpool> spool;
};

TEST_F(ReturnSpoolTest, WhatWasWrittenIsThereInTheNextLife) {
  open();
  add({made(1, "m1", std::string("\0bytes", 6))});
  open();
  const auto values = all();
  ASSERT_THAT(values, SizeIs(1));
  const SpooledReturn expected = made(1, "m1", std::string("\0bytes", 6));
  EXPECT_EQ(values[0].chain, expected.chain);
  EXPECT_EQ(values[0].record.jid, expected.record.jid);
  EXPECT_EQ(values[0].record.minion, expected.record.minion);
  EXPECT_EQ(values[0].record.outcome, expected.record.outcome);
  EXPECT_EQ(values[0].record.retcode, expected.record.retcode);
  EXPECT_EQ(values[0].record.success, expected.record.success);
  EXPECT_EQ(values[0].record.payload, expected.record.payload);
  EXPECT_EQ(values[0].record.started, expected.record.started);
  EXPECT_EQ(values[0].record.duration_us, expected.record.duration_us);
  EXPECT_EQ(values[0].record.received, expected.record.received);
  EXPECT_EQ(spool->usage().returns, 1U);
}

TEST_F(ReturnSpoolTest, ARepeatedReturnKeepsItsPlaceAndContent) {
  open();
  const auto first = add({made(1, "m1"), made(1, "m2")});
  EXPECT_EQ(add({made(1, "m1", "false")}), std::vector{first[0]});
  const auto values = all();
  ASSERT_THAT(values, SizeIs(2));
  EXPECT_EQ(values[0].record.payload, "true");
}

TEST_F(ReturnSpoolTest, PositionsRiseAndAreNeverUsedAgain) {
  open();
  const auto first = add({made(1, "m1"), made(2, "m1")});
  std::vector<SpooledReturn> none;
  ASSERT_TRUE(spool->write(none, first));
  EXPECT_THAT(all(), IsEmpty());
  open();
  EXPECT_GT(add({made(3, "m1")})[0], first[1]);
}

TEST_F(ReturnSpoolTest, PagesAreBoundedByNumberAndBytesButNeverEmpty) {
  open();
  const auto positions = add({made(1, "m1", std::string(5'000, 'x')), made(2, "m1"), made(3, "m1")});
  EXPECT_THAT(all(0, 2), SizeIs(2));
  EXPECT_THAT(all(0, 100, 1), SizeIs(1));
  EXPECT_THAT(all(positions[0]), SizeIs(2));
}

TEST_F(ReturnSpoolTest, AFullSpoolTakesNothingUntilSomethingHasGone) {
  open(10'000);
  const auto first = add({made(1, "m1", std::string(6'000, 'x'))});
  std::vector<SpooledReturn> more{made(2, "m1", std::string(6'000, 'x'))};
  const auto refused = spool->write(more, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kFull);
  EXPECT_THAT(refused.error().message, HasSubstr("spool.max_bytes"));
  EXPECT_THAT(all(), SizeIs(1));
  std::vector<SpooledReturn> none;
  ASSERT_TRUE(spool->write(none, first));
  EXPECT_TRUE(spool->write(more, {}));
}

TEST_F(ReturnSpoolTest, UsageIsCountedAnewWhenItIsOpened) {
  open();
  add({made(1, "m1", std::string(1'000, 'x')), made(2, "m2")});
  const auto before = spool->usage();
  open();
  EXPECT_EQ(spool->usage().returns, before.returns);
  EXPECT_EQ(spool->usage().bytes, before.bytes);
}

TEST_F(ReturnSpoolTest, OneProcessAtATime) {
  open();
  const auto second = open_return_spool({folder.path(), 1U << 20});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kUnavailable);
}

}  // namespace
}  // namespace brine::store
