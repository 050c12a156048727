// What an agent counts of its sessions and jobs.
#include "minion/agent_counters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "tests/unit/minion/agent_fakes.h"
#include "wire/frame.h"

namespace brine::minion {
namespace {

class AgentCountersTest : public AgentTest {
 protected:
  std::uint64_t of(ConnectFailure failure) const { return counters.connect_failures[static_cast<std::size_t>(failure)]; }
  std::uint64_t of(SessionEnd end) const { return counters.session_ends[static_cast<std::size_t>(end)]; }
  std::uint64_t of(JobRefusal refusal) const { return counters.jobs_refused[static_cast<std::size_t>(refusal)]; }
  template <typename Counts>
  static std::uint64_t all(const Counts& counts) {
    return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0},
                           [](std::uint64_t sum, const auto& count) { return sum + count; });
  }
  void told(wire::Verdict verdict) {
    connect();
    master.shake_hands(*agent);
    wire::Welcome welcome;
    welcome.verdict = verdict;
    welcome.retry_after = milliseconds(1'000);
    master.send(*agent, welcome);
  }
};

TEST_F(AgentCountersTest, ASessionThatOpensAndIsLostIsCountedOnceEach) {
  open_session();
  EXPECT_EQ(counters.sessions, 1u);
  EXPECT_EQ(all(counters.session_ends), 0u);
  lose_connection();
  EXPECT_EQ(of(SessionEnd::kLost), 1u);
  EXPECT_EQ(all(counters.session_ends), 1u);
  EXPECT_EQ(all(counters.connect_failures), 0u);
}

TEST_F(AgentCountersTest, TheEndOfASessionIsCountedByItsReason) {
  for (const auto reason : {wire::GoodbyeReason::kStopping, wire::GoodbyeReason::kDisplaced, wire::GoodbyeReason::kKeyChanged}) {
    open_session();
    master.send(*agent, wire::Goodbye{reason, milliseconds(0), "goodbye"});
  }
  open_session();
  agent->on_frame(wire::make_frame(wire::FrameType::kSealed, "not sealed by anybody"));
  EXPECT_EQ(of(SessionEnd::kStopping), 1u);
  EXPECT_EQ(of(SessionEnd::kDisplaced), 1u);
  EXPECT_EQ(of(SessionEnd::kEnded), 1u);
  EXPECT_EQ(of(SessionEnd::kBroken), 1u);
  EXPECT_EQ(all(counters.session_ends), 4u);
}

TEST_F(AgentCountersTest, AnAttemptThatFailsIsCountedByItsReason) {
  connect();
  agent->on_lost();
  EXPECT_EQ(of(ConnectFailure::kUnreachable), 1u);
  connect();
  clock.advance(options.connect_deadline);
  agent->on_tick();
  EXPECT_EQ(of(ConnectFailure::kTimeout), 1u);
  connect();
  agent->on_frame(wire::make_frame(wire::FrameType::kRefusal, encode(wire::Refusal{wire::RefusalCode::kBusy, milliseconds(0), "busy"})));
  EXPECT_EQ(of(ConnectFailure::kRefused), 1u);
  connect();
  agent->on_frame(wire::make_frame(wire::FrameType::kServerHello, "no proof"));
  EXPECT_EQ(of(ConnectFailure::kUntrusted), 1u);
  for (const auto verdict : {wire::Verdict::kPending, wire::Verdict::kRejected, wire::Verdict::kDenied, wire::Verdict::kBusy})
    told(verdict);
  for (const auto failure : {ConnectFailure::kPending, ConnectFailure::kRejected, ConnectFailure::kDenied, ConnectFailure::kBusy})
    EXPECT_EQ(of(failure), 1u);
  EXPECT_EQ(all(counters.connect_failures), 8u);
  EXPECT_EQ(counters.sessions, 0u);
}

TEST_F(AgentCountersTest, AJobIsCountedWhenItComesAndWhenItEnds) {
  open_session();
  run(master.job(1));
  run(master.job(2));
  run(master.job(3));
  EXPECT_EQ(counters.jobs_received, 3u);
  EXPECT_EQ(counters.jobs_succeeded, 0u);
  finish(1);
  finish(2, "no such file", 127);
  agent->on_done(jid_number(3), Outcome{"killed", 1}, 0, milliseconds(50), true);
  EXPECT_EQ(counters.jobs_succeeded, 1u);
  EXPECT_EQ(counters.jobs_failed, 1u);
  EXPECT_EQ(counters.jobs_interrupted, 1u);
  EXPECT_EQ(counters.job_time.sum(), milliseconds(50) + 2 * microseconds(250));
  EXPECT_EQ(all(counters.jobs_refused), 0u);
}

TEST_F(AgentCountersTest, AJobThatIsNotRunIsCountedByItsReason) {
  open_session();
  wire::Job expired = master.job(1);
  expired.not_after = agent->master_now() - 1;
  run(expired);
  executor.room_ = 0;
  run(master.job(2));
  executor.room_ = 100;
  journal.full = true;
  run(master.job(3));
  journal.full = false;
  wire::Job older = master.job(4);
  older.issued = journal.birth() - 1;
  run(older);
  wire::Job other = master.job(5);
  other.target = "nobody";
  run(other);
  master.send(*agent, wire::Delivery{});
  for (const auto refusal :
       {JobRefusal::kExpired, JobRefusal::kBusy, JobRefusal::kJournal, JobRefusal::kUnknown, JobRefusal::kNoMatch, JobRefusal::kInvalid})
    EXPECT_EQ(of(refusal), 1u) << static_cast<int>(refusal);
  EXPECT_EQ(all(counters.jobs_refused), 6u);
  EXPECT_EQ(counters.jobs_received, 6u);
}

TEST_F(AgentCountersTest, AReturnIsUnacknowledgedUntilItsAcknowledgementIsThere) {
  open_session();
  run(master.job(1));
  EXPECT_EQ(agent->unacknowledged(), 0u);
  finish(1);
  EXPECT_EQ(agent->unacknowledged(), 1u);
  agent->flush();
  EXPECT_EQ(agent->unacknowledged(), 1u);
  acknowledge({jid_number(1), jid_number(1)});
  EXPECT_EQ(agent->unacknowledged(), 0u);
  EXPECT_EQ(counters.returns_acknowledged, 1u);
}

TEST_F(AgentCountersTest, SyncsOfTheJournalAreMeasuredAndTheirFailuresCounted) {
  open_session();
  agent->flush();
  const auto syncs = [this] { return all(counters.journal_sync_time.counts()); };
  const std::uint64_t before = syncs();
  agent->flush();
  EXPECT_EQ(syncs(), before) << "nothing to sync";
  run(master.job(1));
  EXPECT_EQ(syncs(), before + 1);
  EXPECT_EQ(counters.journal_sync_failures, 0u);
  journal.sync_fails = true;
  run(master.job(2));
  EXPECT_EQ(counters.journal_sync_failures, 1u);
  EXPECT_EQ(of(JobRefusal::kJournal), 1u);
}

TEST_F(AgentCountersTest, WhatAnEarlierLifeLeftUnfinishedIsCountedAsInterrupted) {
  open_session();
  run(master.job(1));
  restart();
  ASSERT_TRUE(agent->report_interrupted());
  EXPECT_EQ(counters.jobs_interrupted, 1u);
}

}  // namespace
}  // namespace brine::minion
