#include "cli/job_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include "cli/master_sockets.h"
#include "tests/unit/cli/fake_master.h"
#include "tests/unit/cli/replies.h"
#include "tests/unit/cli/scratch_socket.h"

namespace brine::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr SessionLimits kPatient{
    .answer = seconds(60), .reconnect = seconds(60), .backoff_first = milliseconds(1), .backoff_most = milliseconds(4)};

class Notes final : public JobListener {
 public:
  void accepted(const wire::Accepted& value) override { heard.push_back("accepted " + std::to_string(value.expected)); }
  void returned(const wire::MinionReturn& value) override { heard.push_back("returned " + value.minion.str()); }
  void finished(const wire::Finished& value) override {
    std::string text = "finished";
    for (const wire::Missing& one : value.missing) text += " without " + one.minion.str();
    heard.push_back(text);
  }
  void connection_lost(const Error&) override { heard.emplace_back("lost"); }
  void idle() override {}

  std::vector<std::string> heard;
};

FakeMaster::Life saying(Replies replies) {
  return [replies = std::move(replies)](const wire::OperatorRequest&) { return replies; };
}

class JobSessionTest : public testing::Test {
 protected:
  Result<JobSession::End> run(SessionLimits limits = kPatient, bool detach = false, int interrupt_fd = -1) {
    wire::Submit submit{.target_kind = "glob", .target = "*", .function = "test.ping", .arguments = "{}", .detach = detach};
    submit.submission.bytes[3] = 7;
    JobSession session([this] { return net::OperatorClient::connect(scratch.path()); }, submit, limits, interrupt_fd, notes);
    auto end = session.run();
    jid = session.jid();
    return end;
  }

  ScratchSocket scratch;
  Notes notes;
  std::optional<JobId> jid;
};

TEST_F(JobSessionTest, TellsReturnsUntilTheMasterSaysThatItIsFinished) {
  const FakeMaster master(scratch.path(),
                          {saying({accepted(3), returned("m1", "true"), returned("m2", "true"), finished({missing("m3", "lost", "")})})});
  EXPECT_EQ(*run(), JobSession::End::kFinished);
  EXPECT_THAT(notes.heard, ElementsAre("accepted 3", "returned m1", "returned m2", "finished without m3"));
  EXPECT_EQ(jid->str(), kJid);
}

TEST_F(JobSessionTest, ReturnsMayComeBeforeTheAcceptance) {
  const FakeMaster master(scratch.path(), {saying({returned("m1", "true"), accepted(1), finished()})});
  EXPECT_EQ(*run(), JobSession::End::kFinished);
  EXPECT_THAT(notes.heard, ElementsAre("returned m1", "accepted 1", "finished"));
}

TEST_F(JobSessionTest, ReturnThatComesTwiceIsToldOnce) {
  const FakeMaster master(scratch.path(), {saying({accepted(1), returned("m1", "1"), returned("m1", "2"), finished()})});
  EXPECT_EQ(*run(), JobSession::End::kFinished);
  EXPECT_THAT(notes.heard, ElementsAre("accepted 1", "returned m1", "finished"));
}

TEST_F(JobSessionTest, ARestartedMasterIsAskedForTheSameSubmission) {
  const FakeMaster master(scratch.path(), {saying({accepted(2), returned("m1", "true")}),
                                           saying({accepted(2, true), returned("m1", "true"), returned("m2", "true"), finished()})});
  EXPECT_EQ(*run(), JobSession::End::kFinished);
  EXPECT_THAT(notes.heard, ElementsAre("accepted 2", "returned m1", "lost", "returned m2", "finished"));
  const auto requests = master.requests();
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(std::get<wire::Submit>(requests[0]).submission, std::get<wire::Submit>(requests[1]).submission);
}

TEST_F(JobSessionTest, AMasterThatIsNotAvailableIsLeftForAnother) {
  const ScratchSocket elsewhere;
  const FakeMaster stopping(scratch.path(), {saying({wire::Failure{Code::kUnavailable, "the master is stopping"}})});
  const FakeMaster other(elsewhere.path(), {saying({accepted(1), returned("m1", "true"), finished()})});
  MasterSockets masters({scratch.path(), elsewhere.path()});
  SessionLimits limits = kPatient;
  limits.others = masters.several();
  JobSession session([&masters] { return masters.connect(); }, {.target_kind = "glob", .target = "*", .function = "test.ping"}, limits, -1,
                     notes);
  EXPECT_EQ(*session.run(), JobSession::End::kFinished);
  EXPECT_THAT(notes.heard, ElementsAre("lost", "accepted 1", "returned m1", "finished"));
}

TEST_F(JobSessionTest, WhenNoMasterIsAvailableTheReasonIsTold) {
  const auto away = saying({wire::Failure{Code::kUnavailable, "the store is away"}});
  const FakeMaster one(scratch.path(), {away});
  MasterSockets masters({scratch.path(), scratch.path()});
  SessionLimits limits = kPatient;
  limits.reconnect = milliseconds(20);
  limits.others = masters.several();
  JobSession session([&masters] { return masters.connect(); }, {.target_kind = "glob", .target = "*", .function = "test.ping"}, limits, -1,
                     notes);
  const auto end = session.run();
  ASSERT_FALSE(end);
  EXPECT_THAT(end.error().message, HasSubstr("the store is away"));
}

TEST_F(JobSessionTest, MinionThatReturnedBeforeTheRestartIsNotMissing) {
  const FakeMaster master(scratch.path(),
                          {saying({accepted(2), returned("m1", "true")}),
                           saying({accepted(2, true), finished({missing("m1", "unknown", ""), missing("m2", "lost", "")})})});
  EXPECT_EQ(*run(), JobSession::End::kFinished);
  EXPECT_THAT(notes.heard, ElementsAre("accepted 2", "returned m1", "lost", "finished without m2"));
}

TEST_F(JobSessionTest, AMasterThatDiesBeforeItAcceptsIsAskedAgain) {
  const FakeMaster master(scratch.path(), {saying({}), saying({}), saying({accepted(0), finished()})});
  EXPECT_EQ(*run(), JobSession::End::kFinished);
  EXPECT_EQ(master.requests().size(), 3U);
}

TEST_F(JobSessionTest, ADifferentJidForTheSameSubmissionIsAnAlarm) {
  wire::Accepted other = accepted(1);
  other.jid = JobId::trusted("20261123040000000002");
  const FakeMaster master(scratch.path(), {saying({accepted(1)}), saying({other, finished()})});
  const auto end = run();
  ASSERT_FALSE(end);
  EXPECT_THAT(end.error().message, HasSubstr("may have run twice"));
}

TEST_F(JobSessionTest, NoMasterAtTheStartFailsAtOnce) {
  const auto end = run();
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, Code::kUnavailable);
  EXPECT_THAT(notes.heard, IsEmpty());
}

TEST_F(JobSessionTest, AMasterThatDoesNotComeBackIsGivenUp) {
  const FakeMaster master(scratch.path(), {saying({accepted(1)})}, false);
  SessionLimits limits = kPatient;
  limits.reconnect = milliseconds(30);
  const auto end = run(limits);
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, Code::kUnavailable);
  EXPECT_THAT(end.error().message, HasSubstr("was lost and did not come back within 1 s"));
  EXPECT_EQ(jid->str(), kJid);
}

TEST_F(JobSessionTest, AMasterThatNeverAnswersIsGivenUp) {
  const FakeMaster master(scratch.path(), {saying({})});
  SessionLimits limits = kPatient;
  limits.answer = milliseconds(20);
  const auto end = run(limits);
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, Code::kTimeout);
}

TEST_F(JobSessionTest, WhatTheMasterRefusesIsNotRepeated) {
  const FakeMaster master(scratch.path(), {saying({wire::Failure{Code::kUnavailable, "the store is away"}})});
  const auto end = run();
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().message, "the store is away");
  EXPECT_EQ(master.requests().size(), 1U);
}

TEST_F(JobSessionTest, ADetachedJobEndsWithItsAcceptance) {
  const FakeMaster master(scratch.path(), {saying({accepted(5)})});
  EXPECT_EQ(*run(kPatient, true), JobSession::End::kDetached);
  EXPECT_TRUE(std::get<wire::Submit>(master.requests().at(0)).detach);
}

TEST_F(JobSessionTest, TheUserMayStopWaiting) {
  const FakeMaster master(scratch.path(), {saying({accepted(1)})});
  const Fd interrupt(::eventfd(1, EFD_CLOEXEC));
  EXPECT_EQ(*run(kPatient, false, interrupt.get()), JobSession::End::kInterrupted);
}

}  // namespace
}  // namespace brine::cli
