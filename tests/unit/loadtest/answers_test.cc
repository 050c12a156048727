#include "loadtest/answers.h"

#include <gtest/gtest.h>

namespace brine::loadtest {
namespace {

using minion::JobToRun;
using minion::Json;

JobToRun job(const std::string& function, std::vector<Json> args = {}) { return {job_id_at(1), function, std::move(args), {}}; }

TEST(Answers, AreThoseOfARealMinionAndOfTheAskedSize) {
  Answers answers({.bytes = 777}, 1);
  EXPECT_EQ(answers.answer(job("test.ping")).value, true);
  EXPECT_EQ(answers.answer(job("test.echo", {"hello"})).value, "hello");
  EXPECT_EQ(answers.answer(job("cmd.run", {"uptime"})).value.get<std::string>().size(), 777U);
  EXPECT_EQ(answers.answer(job("cmd.run")).retcode, minion::kFailed) << "the command is missing";
  EXPECT_EQ(answers.answer(job("no.such")).retcode, minion::kNoSuchFunction);
}

TEST(Answers, OnlyTestsMayBeRepeated) {
  const Answers answers({}, 1);
  EXPECT_TRUE(answers.find("test.ping")->repeatable);
  EXPECT_FALSE(answers.find("cmd.run")->repeatable);
  EXPECT_EQ(answers.find("no.such"), nullptr);
}

TEST(Answers, TakeTheirTimeWithinTheBounds) {
  Answers answers({.delay_mean = milliseconds(20), .delay_max = milliseconds(100)}, 1);
  microseconds sum(0);
  for (int i = 0; i < 10'000; ++i) {
    const microseconds delay = answers.delay(job("cmd.run"));
    ASSERT_LE(delay, milliseconds(100));
    sum += delay;
  }
  EXPECT_NEAR(static_cast<double>(sum.count()) / 10'000, 20'000, 1'000);
  EXPECT_EQ(answers.delay(job("test.ping")), microseconds(0));
  EXPECT_EQ(Answers({}, 1).delay(job("cmd.run")), microseconds(0));
}

TEST(Answers, FailAsOftenAsAsked) {
  Answers answers({.failure_ratio = 0.1}, 1);
  int failed = 0;
  for (int i = 0; i < 10'000; ++i) failed += answers.answer(job("test.ping")).retcode != 0 ? 1 : 0;
  EXPECT_NEAR(failed, 1'000, 150);
}

}  // namespace
}  // namespace brine::loadtest
