// What an agent does with jobs, and how their returns travel.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/minion/agent_fakes.h"

namespace brine::minion {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

using State = Agent::State;

class AgentJobsTest : public AgentTest {
 protected:
  // The journal is older than every job, unless the test says otherwise.
  AgentJobsTest() {
    open_session();
    agent->flush();
    master.taken<wire::Status>();
    happened.clear();
  }
};

// ---- a job runs --------------------------------------------------------------------------------------------------------------

TEST_F(AgentJobsTest, ValidJobRunsOnceAndIsReturned) {
  run(master.job(1));
  ASSERT_THAT(executor.started, SizeIs(1));
  EXPECT_EQ(executor.started[0].function, "cmd.run");
  EXPECT_THAT(executor.started[0].args, ElementsAre(Json("uptime")));
  EXPECT_EQ(executor.started[0].kwargs.at("cwd"), "/");
  finish(1, "up 3 days");
  agent->flush();
  const auto sent = returns();
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(sent[0].jid, jid_number(1));
  EXPECT_EQ(sent[0].outcome, store::Outcome::kReturned);
  EXPECT_EQ(sent[0].payload, "\"up 3 days\"");
  EXPECT_TRUE(sent[0].success);
  EXPECT_EQ(sent[0].duration_us, 250u);
  clock.advance(options.receipt_after);
  agent->on_tick();
  EXPECT_THAT(receipts(), IsEmpty()) << "the return says it all";
}

TEST_F(AgentJobsTest, JobThatTakesItsTimeIsReportedAsRunningOnce) {
  run(master.job(1));
  EXPECT_THAT(receipts(), IsEmpty());
  EXPECT_LE(agent->next_tick(), clock.now() + options.receipt_after);
  clock.advance(options.receipt_after);
  agent->on_tick();
  EXPECT_THAT(receipts(), ElementsAre("running"));
  clock.advance(options.receipt_after);
  agent->on_tick();
  EXPECT_THAT(receipts(), IsEmpty());
  finish(1);
  agent->flush();
  EXPECT_THAT(returns(), SizeIs(1));
}

TEST_F(AgentJobsTest, FailureOfTheFunctionIsReturnedAsOne) {
  run(master.job(1));
  finish(1, "no such file", 127);
  agent->flush();
  const auto sent = returns();
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_FALSE(sent[0].success);
  EXPECT_EQ(sent[0].retcode, 127);
}

TEST_F(AgentJobsTest, InterruptedFunctionIsReturnedAsInterrupted) {
  run(master.job(1));
  agent->on_done(jid_number(1), Outcome{"killed", 0}, 0, microseconds(1), true);
  agent->flush();
  const auto sent = returns();
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(sent[0].outcome, store::Outcome::kInterrupted);
  EXPECT_FALSE(sent[0].success);
}

TEST_F(AgentJobsTest, BegunIsSyncedBeforeTheFunctionStarts) {
  run(master.job(1));
  const std::string jid = jid_number(1).str();
  ASSERT_LT(place_of("start " + jid), happened.size());
  EXPECT_LT(place_of("begun " + jid), place_of("sync"));
  EXPECT_LT(place_of("sync"), place_of("start " + jid));
}

TEST_F(AgentJobsTest, DoneIsSyncedBeforeTheReturnIsSent) {
  run(master.job(1));
  happened.clear();
  finish(1);
  agent->flush();
  const std::string jid = jid_number(1).str();
  ASSERT_LT(place_of("return " + jid), happened.size());
  EXPECT_LT(place_of("done " + jid), place_of("sync"));
  EXPECT_LT(place_of("sync"), place_of("return " + jid));
}

TEST_F(AgentJobsTest, AcknowledgementInTheSameTurnDoesNotCarryAnUnsyncedReturnAway) {
  run(master.job(1));
  run(master.job(2));
  finish(1);
  agent->flush();
  returns();
  happened.clear();
  finish(2);
  acknowledge({jid_number(1)});
  EXPECT_THAT(returns(), IsEmpty());
  deliver(master.job(2));  // nor does a redelivery
  EXPECT_THAT(returns(), IsEmpty());
  agent->flush();
  EXPECT_THAT(returns(), SizeIs(1));
  EXPECT_LT(place_of("sync"), place_of("return " + jid_number(2).str()));
}

TEST_F(AgentJobsTest, SessionThatOpensInTheSameTurnDoesNotCarryAnUnsyncedReturnAway) {
  run(master.job(1));
  lose_connection();
  happened.clear();
  finish(1);
  open_session();
  EXPECT_THAT(returns(), IsEmpty());
  agent->flush();
  EXPECT_THAT(returns(), SizeIs(1));
}

TEST_F(AgentJobsTest, OneSyncCoversATurn) {
  for (int number = 1; number <= 10; ++number) deliver(master.job(number));
  agent->flush();
  EXPECT_EQ(std::count(happened.begin(), happened.end(), "sync"), 1);
  EXPECT_THAT(executor.started, SizeIs(10));
}

TEST_F(AgentJobsTest, FunctionThatMayBeRepeatedIsNotSynced) {
  run(master.job(1, "test.ping"));
  finish(1);
  agent->flush();
  EXPECT_THAT(returns(), SizeIs(1));
  EXPECT_EQ(std::count(happened.begin(), happened.end(), "sync"), 0);
  EXPECT_EQ(place_of("begun"), happened.size());
}

TEST_F(AgentJobsTest, UnknownFunctionIsHandedToTheExecutorThatKnowsWhatToSay) {
  run(master.job(1, "no.such"));
  EXPECT_THAT(executor.started, SizeIs(1));
}

TEST_F(AgentJobsTest, ArgumentsThatAreNoObjectMeanNone) {
  wire::Job job = master.job(1);
  job.arguments = "[1, 2";
  run(job);
  ASSERT_THAT(executor.started, SizeIs(1));
  EXPECT_THAT(executor.started[0].args, IsEmpty());
}

// ---- once only ---------------------------------------------------------------------------------------------------------------

TEST_F(AgentJobsTest, RedeliveryBeforeTheStartIsAnsweredQueued) {
  const wire::Job job = master.job(1);
  deliver(job);
  deliver(job);
  agent->flush();
  EXPECT_THAT(jids_started(), ElementsAre(jid_number(1).str()));
  EXPECT_THAT(receipts(), ElementsAre("queued"));
}

TEST_F(AgentJobsTest, RedeliveryOfARunningJobIsAnsweredRunning) {
  const wire::Job job = master.job(1);
  run(job);
  receipts();
  run(job);
  EXPECT_THAT(receipts(), ElementsAre("running"));
  EXPECT_THAT(executor.started, SizeIs(1));
}

TEST_F(AgentJobsTest, RedeliveryOfADoneJobIsAnsweredWithItsReturn) {
  const wire::Job job = master.job(1);
  run(job);
  lose_connection();
  finish(1);
  agent->flush();
  open_session();
  EXPECT_THAT(returns(), SizeIs(1));
  receipts();
  run(job);
  EXPECT_THAT(receipts(), ElementsAre("done"));
  EXPECT_THAT(returns(), IsEmpty());  // it is under way
  EXPECT_THAT(executor.started, SizeIs(1));
}

TEST_F(AgentJobsTest, RedeliveryOfAnAcknowledgedJobDoesNotRunAgain) {
  const wire::Job job = master.job(1);
  run(job);
  finish(1);
  agent->flush();
  acknowledge({jid_number(1)});
  run(job);
  EXPECT_THAT(executor.started, SizeIs(1));
}

TEST_F(AgentJobsTest, RedeliveryToTheNextLifeDoesNotRunAgain) {
  const wire::Job job = master.job(1);
  run(job);
  restart();
  ASSERT_TRUE(agent->report_interrupted().has_value());
  open_session();
  run(job);
  EXPECT_THAT(executor.started, SizeIs(1));
  const auto sent = returns();
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(sent[0].outcome, store::Outcome::kInterrupted);
}

TEST_F(AgentJobsTest, RunningJobsAreToldInEverySession) {
  run(master.job(1));
  lose_connection();
  open_session();
  const auto status = master.taken<wire::Status>();
  ASSERT_THAT(status, SizeIs(1));
  EXPECT_THAT(status[0].running, ElementsAre(jid_number(1)));
}

TEST_F(AgentJobsTest, ResultOfAJobNobodyKnowsIsIgnored) {
  finish(9);
  agent->flush();
  EXPECT_THAT(returns(), IsEmpty());
}

// ---- refused without a word --------------------------------------------------------------------------------------------------

class RefusedSilently : public AgentJobsTest {
 protected:
  void expect_silence(const wire::Delivery& delivery) {
    master.send(*agent, delivery);
    agent->flush();
    EXPECT_THAT(executor.started, IsEmpty());
    EXPECT_THAT(returns(), IsEmpty());
    EXPECT_THAT(receipts(), IsEmpty());
    EXPECT_EQ(journal.find(jid_number(1)), nullptr);
    EXPECT_EQ(agent->state(), State::kOpen);
  }
  const std::vector<MinionId> all{id_of("db1"), id_of("web1"), id_of("web2")};
};

TEST_F(RefusedSilently, JobWithAWrongSignature) {
  const net::SigningKey other = net::SigningKey::generate();
  expect_silence(master.delivery(master.job(1), all, id_of("web1"), &other));
}

TEST_F(RefusedSilently, JobSignedByAStrangerInItsOwnName) {
  const net::SigningKey other = net::SigningKey::generate();
  wire::Job job = master.job(1);
  job.signer = other.public_key();
  expect_silence(master.delivery(job, all, id_of("web1"), &other));
}

TEST_F(RefusedSilently, JobOfAnotherCluster) {
  wire::Job job = master.job(1);
  job.cluster_root = std::string(32, 'x');
  expect_silence(master.delivery(job, all, id_of("web1")));
}

TEST_F(RefusedSilently, JobForOthersWithTheirProof) { expect_silence(master.delivery(master.job(1), all, id_of("web2"))); }

TEST_F(RefusedSilently, JobWhoseExpectedDoNotIncludeThisMinion) {
  wire::Delivery delivery = master.delivery(master.job(1), {id_of("db1"), id_of("web2")}, id_of("web2"));
  delivery.index = 0;
  expect_silence(delivery);
}

TEST_F(RefusedSilently, JobWithAnAlteredProof) {
  wire::Delivery delivery = master.delivery(master.job(1), all, id_of("web1"));
  delivery.proof[0][0] = static_cast<char>(delivery.proof[0][0] ^ 1);
  expect_silence(delivery);
}

TEST_F(RefusedSilently, JobWithAWrongIndex) {
  wire::Delivery delivery = master.delivery(master.job(1), all, id_of("web1"));
  delivery.index = 2;
  expect_silence(delivery);
}

TEST_F(RefusedSilently, JobThatCannotBeRead) {
  wire::Delivery delivery = master.delivery(master.job(1), all, id_of("web1"));
  delivery.job = "nonsense";
  expect_silence(delivery);
}

// ---- refused with an answer --------------------------------------------------------------------------------------------------

TEST_F(AgentJobsTest, ExpiredJobIsRefused) {
  wire::Job job = master.job(1);
  clock.advance(seconds(11));
  run(job);
  EXPECT_THAT(executor.started, IsEmpty());
  const auto sent = returns();
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(sent[0].outcome, store::Outcome::kRefused);
  EXPECT_THAT(sent[0].payload, HasSubstr("expired"));
  EXPECT_FALSE(sent[0].success);
}

TEST_F(AgentJobsTest, JobThatWasRefusedIsNotRunWhenItComesAgain) {
  const wire::Job job = master.job(1);
  executor.room_ = 0;
  run(job);
  executor.room_ = 100;
  run(job);
  EXPECT_THAT(executor.started, IsEmpty()) << "it is on record as refused";
  const auto sent = returns();
  ASSERT_THAT(sent, SizeIs(2));
  EXPECT_EQ(sent[1].outcome, store::Outcome::kRefused);
  EXPECT_EQ(sent[1].payload, sent[0].payload);
}

TEST_F(AgentJobsTest, WallClockOfTheMinionDoesNotExpireAJob) {
  const wire::Job job = master.job(1);
  clock.set_wall(kStart + 86'400'000'000);
  run(job);
  EXPECT_THAT(executor.started, SizeIs(1));
}

TEST_F(AgentJobsTest, JobOlderThanTheJournalIsUnknown) {
  wire::Job job = master.job(1);
  job.issued = journal.birth() - 1;
  run(job);
  EXPECT_THAT(executor.started, IsEmpty());
  const auto sent = returns();
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(sent[0].outcome, store::Outcome::kUnknown);
}

TEST_F(AgentJobsTest, JobThatDoesNotMatchIsAnsweredSo) {
  wire::Job job = master.job(1);
  job.target_kind = "grain";
  job.target = "os:Rocky";
  run(job);
  EXPECT_THAT(executor.started, IsEmpty());
  const auto sent = returns();
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(sent[0].outcome, store::Outcome::kNoMatch);
}

TEST_F(AgentJobsTest, MatchFollowsTheGrainsOfThisMoment) {
  wire::Job job = master.job(1);
  job.target_kind = "grain";
  job.target = "os:Rocky";
  grains.grains = R"({"os": "Rocky"})";
  agent->grains_changed();
  run(job);
  EXPECT_THAT(executor.started, SizeIs(1));
}

TEST_F(AgentJobsTest, FullJournalRefusesTheJob) {
  journal.full = true;
  run(master.job(1));
  EXPECT_THAT(executor.started, IsEmpty());
  const auto sent = returns();
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(sent[0].outcome, store::Outcome::kRefused);
  EXPECT_THAT(sent[0].payload, HasSubstr("spool is full"));
}

TEST_F(AgentJobsTest, JobsBeyondTheRoomAreRefused) {
  executor.room_ = 2;
  for (int number = 1; number <= 3; ++number) deliver(master.job(number));
  agent->flush();
  EXPECT_THAT(executor.started, SizeIs(2));
  const auto sent = returns();
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(sent[0].jid, jid_number(3));
  EXPECT_EQ(sent[0].outcome, store::Outcome::kRefused);
  EXPECT_THAT(sent[0].payload, HasSubstr("busy"));
}

TEST_F(AgentJobsTest, JournalThatCannotBeSyncedRefusesTheJob) {
  journal.sync_fails = true;
  run(master.job(1));
  EXPECT_THAT(executor.started, IsEmpty());
  const auto sent = returns();
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(sent[0].outcome, store::Outcome::kRefused);
  EXPECT_THAT(sent[0].payload, HasSubstr("the disk is broken"));
}

TEST_F(AgentJobsTest, JobRefusedForTheDiskIsRefusedAgainAtARedelivery) {
  const wire::Job job = master.job(1);
  journal.sync_fails = true;
  run(job);
  lose_connection();
  returns();
  journal.sync_fails = false;
  open_session();
  run(job);
  EXPECT_THAT(executor.started, IsEmpty());
  const auto sent = returns();
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(sent[0].outcome, store::Outcome::kRefused);
  acknowledge({jid_number(1)});
  EXPECT_THAT(journal.unacknowledged(), IsEmpty());
}

TEST_F(AgentJobsTest, ReturnWaitsForAJournalThatCannotBeSynced) {
  run(master.job(1));
  journal.sync_fails = true;
  finish(1);
  agent->flush();
  EXPECT_THAT(returns(), IsEmpty());
  EXPECT_FALSE(agent->idle());
  journal.sync_fails = false;
  agent->flush();
  EXPECT_THAT(returns(), SizeIs(1));
}

// ---- returns travel ----------------------------------------------------------------------------------------------------------

TEST_F(AgentJobsTest, AcknowledgedReturnIsNotSentAgain) {
  run(master.job(1));
  finish(1);
  agent->flush();
  returns();
  acknowledge({jid_number(1)});
  EXPECT_THAT(journal.unacknowledged(), IsEmpty());
  lose_connection();
  open_session();
  agent->flush();
  EXPECT_THAT(returns(), IsEmpty());
}

TEST_F(AgentJobsTest, UnacknowledgedReturnsAreSentAgainInTheNextSession) {
  for (int number = 1; number <= 3; ++number) run(master.job(number));
  for (int number = 3; number >= 1; --number) finish(number);
  agent->flush();
  ASSERT_THAT(returns(), SizeIs(3));
  acknowledge({jid_number(2)});
  lose_connection();
  open_session();
  agent->flush();
  const auto sent = returns();
  ASSERT_THAT(sent, SizeIs(2));
  EXPECT_EQ(sent[0].jid, jid_number(1));
  EXPECT_EQ(sent[1].jid, jid_number(3));
}

TEST_F(AgentJobsTest, UnacknowledgedReturnsOfAnEarlierLifeAreSent) {
  run(master.job(1));
  finish(1, "earlier");
  agent->flush();
  returns();
  restart();
  open_session();
  agent->flush();
  const auto sent = returns();
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(sent[0].payload, "\"earlier\"");
  EXPECT_EQ(sent[0].outcome, store::Outcome::kReturned);
}

TEST_F(AgentJobsTest, ReturnMadeWithoutASessionIsSentInTheNext) {
  run(master.job(1));
  lose_connection();
  finish(1);
  agent->flush();
  EXPECT_THAT(returns(), IsEmpty());
  open_session();
  agent->flush();
  EXPECT_THAT(returns(), SizeIs(1));
}

TEST_F(AgentJobsTest, ReturnThatTheSocketDidNotTakeIsNotLost) {
  run(master.job(1));
  link.takes = false;
  finish(1);
  agent->flush();
  EXPECT_EQ(agent->state(), State::kWaiting);
  link.takes = true;
  open_session();
  agent->flush();
  EXPECT_THAT(returns(), SizeIs(1));
}

TEST_F(AgentJobsTest, JobsThatAnEarlierLifeBeganAreReportedInterrupted) {
  run(master.job(1));
  run(master.job(2));
  finish(2);
  agent->flush();
  returns();
  restart();
  happened.clear();
  ASSERT_TRUE(agent->report_interrupted().has_value());
  EXPECT_LT(place_of("done " + jid_number(1).str()), place_of("sync"));
  open_session();
  agent->flush();
  const auto sent = returns();
  ASSERT_THAT(sent, SizeIs(2));
  for (const auto& record : sent) {
    EXPECT_EQ(record.outcome, record.jid == jid_number(1) ? store::Outcome::kInterrupted : store::Outcome::kReturned);
  }
}

class AgentWindowTest : public AgentTest {};

TEST_F(AgentWindowTest, SoManyReturnsAreUnderWayAtMost) {
  AgentOptions narrow;
  narrow.window = 3;
  make(narrow);
  open_session();
  for (int number = 1; number <= 10; ++number) deliver(master.job(number));
  agent->flush();
  for (int number = 1; number <= 10; ++number) finish(number);
  agent->flush();
  EXPECT_THAT(returns(), SizeIs(3));
  acknowledge({jid_number(1)});
  EXPECT_THAT(returns(), SizeIs(1));
  acknowledge({jid_number(2), jid_number(3), jid_number(4)});
  EXPECT_THAT(returns(), SizeIs(3));
  acknowledge({jid_number(5), jid_number(6), jid_number(7)});
  EXPECT_THAT(returns(), SizeIs(3));
  EXPECT_FALSE(agent->idle());
  acknowledge({jid_number(8), jid_number(9), jid_number(10)});
  EXPECT_TRUE(agent->idle());
}

TEST_F(AgentWindowTest, BytesUnderWayAreBoundedToo) {
  AgentOptions narrow;
  narrow.window_bytes = 10'000;
  make(narrow);
  open_session();
  for (int number = 1; number <= 5; ++number) deliver(master.job(number));
  agent->flush();
  for (int number = 1; number <= 5; ++number) finish(number, std::string(6'000, 'x'));
  agent->flush();
  EXPECT_THAT(returns(), SizeIs(2));
  acknowledge({jid_number(1)});
  EXPECT_THAT(returns(), SizeIs(1));
}

TEST_F(AgentWindowTest, ReturnThatIsTooLargeIsReplacedByAClearText) {
  wire::Welcome welcome = master.accepting();
  welcome.max_message = 64U << 10;
  open_session(welcome);
  run(master.job(1));
  finish(1, std::string(100'000, 'x'));
  agent->flush();
  const auto sent = returns();
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_THAT(sent[0].payload, HasSubstr("max_message"));
  EXPECT_THAT(sent[0].payload, HasSubstr("100002 bytes"));
  EXPECT_FALSE(sent[0].success);
  EXPECT_NE(sent[0].retcode, 0);
}

TEST_F(AgentWindowTest, LargestReturnFitsIntoAMessage) {
  wire::Welcome welcome = master.accepting();
  welcome.max_message = 64U << 10;
  open_session(welcome);
  // Everything from a payload that is replaced down to one that is not.
  for (int number = 1; number <= 300; ++number) {
    run(master.job(number));
    finish(number, std::string((64U << 10) - static_cast<std::size_t>(number), 'x'));
    agent->flush();
    acknowledge({jid_number(number)});
  }
  EXPECT_LE(master.largest_frame(), 64U << 10);
  EXPECT_GT(master.largest_frame(), (64U << 10) - 300);
}

TEST_F(AgentWindowTest, KeptReturnThatANewMastersLimitDoesNotLetThroughIsReplaced) {
  open_session();
  run(master.job(1));
  lose_connection();
  finish(1, std::string(100'000, 'x'));
  agent->flush();
  wire::Welcome welcome = master.accepting();
  welcome.max_message = 64U << 10;
  open_session(welcome);
  agent->flush();
  const auto sent = returns();
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_LT(sent[0].payload.size(), 1'000u);
  EXPECT_THAT(sent[0].payload.substr(0, 1'000), HasSubstr("max_message"));
  EXPECT_EQ(sent[0].jid, jid_number(1));
}

// ---- stopping ----------------------------------------------------------------------------------------------------------------

TEST_F(AgentJobsTest, StoppedAgentTakesNoNewJobs) {
  agent->stop();
  run(master.job(1));
  EXPECT_THAT(executor.started, IsEmpty());
  EXPECT_THAT(returns(), IsEmpty());
  EXPECT_THAT(receipts(), IsEmpty());
  EXPECT_EQ(journal.find(jid_number(1)), nullptr);
}

TEST_F(AgentJobsTest, StoppedAgentIsIdleWhenItsReturnsAreAcknowledged) {
  run(master.job(1));
  agent->stop();
  EXPECT_FALSE(agent->idle());
  finish(1);
  EXPECT_FALSE(agent->idle());
  agent->flush();
  EXPECT_FALSE(agent->idle());
  EXPECT_THAT(returns(), SizeIs(1));
  acknowledge({jid_number(1)});
  EXPECT_TRUE(agent->idle());
}

TEST_F(AgentJobsTest, StoppedAgentWithoutASessionDoesNotWaitForAcknowledgements) {
  run(master.job(1));
  finish(1);
  agent->flush();
  agent->stop();
  EXPECT_FALSE(agent->idle());
  lose_connection();
  EXPECT_EQ(agent->state(), State::kStopped);
  EXPECT_TRUE(agent->idle());
  EXPECT_THAT(journal.unacknowledged(), SizeIs(1));
}

}  // namespace
}  // namespace brine::minion
