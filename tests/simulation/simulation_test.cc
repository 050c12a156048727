#include <gmock/gmock.h>

#include <optional>

#include "tests/simulation/verdict.h"
#include "tests/simulation/world.h"

namespace brine::simulation {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr std::uint64_t kSchedules = 100;

TEST(Simulation, NothingIsLostDoubledOrReportedWronglyUnderAnySchedule) {
  for (std::uint64_t seed = 1; seed <= kSchedules; ++seed) {
    World world(seed, drawn_settings(seed));
    ASSERT_THAT(world.run(), IsEmpty()) << "brine-simulate --seeds " << seed << " --tell";
  }
}

TEST(Simulation, TheSameSeedGivesTheSameRun) {
  World first(7, {}), second(7, {});
  first.run();
  second.run();
  EXPECT_EQ(first.time.clock().unix_now(), second.time.clock().unix_now());
  EXPECT_EQ(first.history.executions, second.history.executions);
  EXPECT_EQ(first.history.answers, second.history.answers);
  EXPECT_GT(first.history.executions.size(), 20U);
}

class ToldWatcher final : public engine::Watcher {
 public:
  void returned(const store::ReturnRecord& record) override { told.push_back(record.payload); }
  void finished(const std::vector<engine::MissingMinion>& missing) override { ended = missing.empty(); }
  bool gone() const override { return false; }
  std::vector<std::string> told;
  bool ended = false;
};

// A master that is driven by hand, turn by turn.
struct MasterByHand {
  MasterByHand(SharedMemory& server, std::uint64_t token, const std::string& id) : store(server, token, [] { return Fault::kNone; }) {
    engine::EngineOptions options;
    options.drive = Drive::kByHand;
    options.keys.auto_accept = true;
    engine = std::make_unique<engine::Engine>(store, gateway, notary, events, server.clock, options, [] {});
    engine::PeerOptions peers;
    peers.self.id = id;
    engine->share(store, std::move(peers), {.masters = [](const auto&) {}, .setting = [](const auto&) {}, .connected = [](bool) {}});
    EXPECT_TRUE(engine->start());
    EXPECT_TRUE(engine->join(id));
  }
  void turn(std::initializer_list<engine::Engine::Part> parts) {
    for (const auto part : parts) engine->turn(part);
  }
  void give_back(const JobId& jid, std::string payload) {
    std::vector<engine::PendingReturn> values{{{0, 1}, engine::return_of(jid, "m", std::move(payload))}};
    EXPECT_TRUE(engine->add_returns(std::move(values)));
  }

  using Part = engine::Engine::Part;
  SharedMemoryClient store;
  engine::FakeGateway gateway;
  engine::FakeNotary notary;
  engine::FakeEvents events;
  std::unique_ptr<engine::Engine> engine;
};

TEST(TwoMasters, OfTwoDifferentReturnsTheOneThatIsKeptIsTold) {
  using Part = engine::Engine::Part;
  FakeClock clock;
  SharedMemory server(clock);
  MasterByHand a(server, 1, "a"), b(server, 2, "b");
  b.engine->admit({MinionId::trusted("m"), "key", false, 0, "10.0.0.1", {}}, [](const auto&) {});
  b.turn({Part::kEngine, Part::kLedger, Part::kEngine});
  engine::Submission submission;
  submission.target_kind = "list";
  submission.target = "m";
  submission.function = "test.ping";
  submission.arguments = R"({"args":[],"kwargs":{}})";
  JobId jid;
  const auto watcher = std::make_shared<ToldWatcher>();
  b.engine->submit(submission, watcher, [&](const Result<engine::Submitted>& submitted) { jid = submitted->jid; });
  b.turn({Part::kEngine, Part::kLedger, Part::kEngine});
  a.give_back(jid, "\"first\"");
  a.turn({Part::kLedger});
  b.give_back(jid, "\"second\"");
  b.turn({Part::kLedger, Part::kEngine, Part::kFetcher, Part::kEngine});
  EXPECT_THAT(watcher->told, testing::ElementsAre("\"first\""));
  EXPECT_TRUE(watcher->ended);
}

// A run without fault, that a test then alters.
class Verdict : public testing::Test {
 protected:
  Verdict() : world(1, {.faults = 0}) {
    EXPECT_THAT(world.run(), IsEmpty());
    part = world.history.answers.begin()->first;
  }
  auto judged() const { return judge(world.history, world.server); }

  World world;
  std::pair<JobId, MinionId> part;
};

TEST_F(Verdict, AReturnThatTheStoreDoesNotHoldIsLost) {
  world.server.returns.erase(part);
  EXPECT_THAT(judged(), Contains(StartsWith("LOST: the return of")));
  EXPECT_THAT(judged(), Contains(HasSubstr("which was acknowledged")));
  EXPECT_THAT(judged(), Contains(HasSubstr("the operator was shown")));
}

TEST_F(Verdict, AJobThatTheStoreDoesNotHoldIsLost) {
  world.server.jobs.erase(part.first);
  EXPECT_THAT(judged(), Contains(StartsWith("LOST: job")));
  EXPECT_THAT(judged(), Contains(StartsWith("INVENTED")));
}

TEST_F(Verdict, ASecondExecutionIsNoticed) {
  ++world.history.executions[part];
  EXPECT_THAT(judged(), Contains(HasSubstr("ran 2 times")));
}

TEST_F(Verdict, ASecondJobOfOneSubmissionIsNoticed) {
  world.history.submissions.begin()->second.jids.insert(part.first);
  world.history.submissions.rbegin()->second.jids.insert(part.first);
  EXPECT_THAT(judged(), Contains(HasSubstr("has 2 jids")));
}

TEST_F(Verdict, AnotherReturnThanWasGivenIsNoticed) {
  world.server.returns[part].payload = "\"other\"";
  EXPECT_THAT(judged(), Contains(StartsWith("MISREPORTED: the return of")));
  EXPECT_THAT(judged(), Contains(StartsWith("MISREPORTED: the operator was shown another")));
}

TEST_F(Verdict, AReturnThatTheOperatorWasNotToldOfIsNoticed) {
  for (auto& [number, submitted] : world.history.submissions) submitted.returned.clear();
  EXPECT_THAT(judged(), Contains(StartsWith("MISREPORTED: the operator was told nothing")));
}

TEST_F(Verdict, AMinionThatDidNotAnswerALongLivedJobIsNoticed) {
  for (auto& [number, submitted] : world.history.submissions) submitted.long_lived = true;
  world.server.returns.erase(part);
  EXPECT_THAT(judged(), Contains(StartsWith("LOST: no return of")));
}

TEST_F(Verdict, TheOutboxHoldsEachReturnOnce) {
  world.server.outbox.push_back(world.server.outbox.front());
  EXPECT_THAT(judged(), Contains(HasSubstr("is in the outbox 2 times")));
  world.server.outbox.clear();
  EXPECT_THAT(judged(), Contains(StartsWith("UNDELIVERED")));
}

}  // namespace
}  // namespace brine::simulation
