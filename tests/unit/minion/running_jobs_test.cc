#include "minion/running_jobs.h"

#include <gmock/gmock.h>

namespace brine::minion {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const JobId kFirst = JobId::trusted("20250101000000000001");
const JobId kSecond = JobId::trusted("20250101000000000002");

Call job(const JobId& jid) {
  Call call;
  call.jid = jid;
  call.function = "cmd.run";
  return call;
}

TEST(RunningJobs, AreListedInOrderAndForgottenWhenRemoved) {
  RunningJobs jobs;
  EXPECT_TRUE(jobs.add(job(kSecond), 2));
  EXPECT_TRUE(jobs.add(job(kFirst), 1));
  ASSERT_EQ(jobs.list().size(), 2U);
  EXPECT_EQ(jobs.list()[0].jid, kFirst);
  jobs.remove(kFirst);
  EXPECT_FALSE(jobs.find(kFirst));
  EXPECT_EQ(jobs.list().size(), 1U);
}

TEST(RunningJobs, TakeAJidOnce) {
  RunningJobs jobs;
  EXPECT_TRUE(jobs.add(job(kFirst), 1));
  EXPECT_FALSE(jobs.add(job(kFirst), 2));
  EXPECT_EQ(jobs.find(kFirst)->started, 1);
}

TEST(RunningJobs, KnowTheGroupsOfCommandsThatHaveNotEnded) {
  RunningJobs jobs;
  jobs.add(job(kFirst), 1);
  EXPECT_TRUE(jobs.begin_command(kFirst, 100));
  EXPECT_TRUE(jobs.begin_command(kFirst, 200));
  jobs.end_command(kFirst, 100);
  EXPECT_THAT(jobs.find(kFirst)->groups, ElementsAre(200));
}

TEST(RunningJobs, LetNoCommandGoOnceCancelled) {
  RunningJobs jobs;
  const Call call = job(kFirst);
  jobs.add(call, 1);
  EXPECT_THAT(jobs.cancel(kFirst, 15).value(), IsEmpty());
  EXPECT_TRUE(call.cancelled->load());
  EXPECT_TRUE(jobs.find(kFirst)->cancelled);
  EXPECT_FALSE(jobs.begin_command(kFirst, 100));
}

TEST(RunningJobs, SayWhenThereIsNoSuchJob) {
  RunningJobs jobs;
  EXPECT_EQ(jobs.cancel(kFirst, 15), std::nullopt);
  EXPECT_EQ(jobs.signal(kFirst, 15), std::nullopt);
}

TEST(RunningJobs, LetCommandsOfJobsTheyDoNotKnowGo) { EXPECT_TRUE(RunningJobs().begin_command(JobId(), 100)); }

}  // namespace
}  // namespace brine::minion
