// Connecting, proving, welcome and goodbye. What happens to jobs is in agent_jobs_test.cc.
#include "minion/agent.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/unit/minion/agent_fakes.h"
#include "wire/frame.h"

namespace brine::minion {
namespace {

using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

using State = Agent::State;

milliseconds until(MonoTime time, const Clock& clock) { return std::chrono::duration_cast<milliseconds>(time - clock.now()); }

wire::Welcome verdict(wire::Verdict verdict, milliseconds retry_after, std::string text) {
  wire::Welcome welcome;
  welcome.verdict = verdict;
  welcome.retry_after = retry_after;
  welcome.text = std::move(text);
  return welcome;
}

TEST_F(AgentTest, HandshakeLeadsToAnOpenSession) {
  connect();
  EXPECT_EQ(agent->state(), State::kHandshake);
  master.shake_hands(*agent);
  EXPECT_EQ(agent->state(), State::kAwaitWelcome);
  master.send(*agent, master.accepting());
  EXPECT_EQ(agent->state(), State::kOpen);
  EXPECT_EQ(master.peer().proof.id.str(), "web1");
  EXPECT_EQ(master.peer().proof.public_key, key.public_key());
  EXPECT_EQ(master.peer().proof.journal_epoch, 77u);
  EXPECT_FALSE(master.peer().resumed);
  EXPECT_EQ(agent->trouble(), "");
}

TEST_F(AgentTest, StatusIsTheFirstThingSaidInASession) {
  open_session();
  const auto status = master.taken<wire::Status>();
  ASSERT_THAT(status, SizeIs(1));
  EXPECT_EQ(status[0].grains, grains.grains);
  EXPECT_THAT(status[0].running, IsEmpty());
}

TEST_F(AgentTest, ChangedGrainsAreToldInTheSession) {
  open_session();
  master.taken<wire::Status>();
  grains.grains = R"({"os": "Rocky"})";
  agent->grains_changed();
  ASSERT_THAT(master.taken<wire::Status>(), SizeIs(1));
}

TEST_F(AgentTest, FirstManifestAndCookieAreKept) {
  auto welcome = master.accepting();
  welcome.cookie = "known here";
  open_session(welcome);
  EXPECT_THAT(keepsake.manifests, ElementsAre(master.manifest(1)));
  EXPECT_THAT(keepsake.cookies, ElementsAre("known here"));
}

TEST_F(AgentTest, JoinTokenIsShownUntilTheKeyWasAccepted) {
  AgentOptions with;
  with.join_token = "token";
  make(with);
  connect();
  master.shake_hands(*agent);
  EXPECT_EQ(master.peer().proof.join_token, "token");
  wire::Welcome pending = master.accepting();
  pending.verdict = wire::Verdict::kPending;
  pending.ticket.clear();
  master.send(*agent, pending);
  auto welcome = master.accepting();
  welcome.cookie = "known here";
  open_session(welcome);
  EXPECT_EQ(master.peer().proof.join_token, "token");
  make(with, keepsake.cookies.at(0));
  open_session();
  EXPECT_EQ(master.peer().proof.join_token, "");
}

TEST_F(AgentTest, NewerManifestOfTheWelcomeIsKept) {
  auto welcome = master.accepting();
  welcome.manifest = master.manifest(9);
  open_session(welcome);
  EXPECT_EQ(trust->epoch(), 9u);
  EXPECT_EQ(keepsake.manifests.back(), master.manifest(9));
}

TEST_F(AgentTest, NewManifestInTheSessionIsKeptAndVoidsTheTicket) {
  open_session();
  master.send(*agent, wire::NewManifest{master.manifest(2)});
  EXPECT_EQ(agent->state(), State::kOpen);
  EXPECT_EQ(trust->epoch(), 2u);
  EXPECT_EQ(keepsake.manifests.back(), master.manifest(2));
  master.renew();
  lose_connection();
  connect();
  master.shake_hands(*agent);
  EXPECT_FALSE(master.peer().resumed);
}

TEST_F(AgentTest, OldOrForgedManifestInTheSessionChangesNothing) {
  open_session();
  const auto kept = keepsake.manifests;
  FakeClock other_clock;
  Happened elsewhere;
  const ScriptedMaster stranger(elsewhere, other_clock);
  for (const std::string& manifest : {master.manifest(0), stranger.manifest(9), std::string("garbage")})
    master.send(*agent, wire::NewManifest{manifest});
  EXPECT_EQ(agent->state(), State::kOpen);
  EXPECT_EQ(trust->epoch(), 1u);
  EXPECT_EQ(keepsake.manifests, kept);
}

TEST_F(AgentTest, JournalMarkFollowsTheStatusAndEveryBegunJobBeforeItStarts) {
  open_session();
  EXPECT_LT(place_of("status"), place_of("journal 77 0"));
  run(master.job(1));
  EXPECT_LT(place_of("begun " + jid_number(1).str()), place_of("journal 77 1"));
  EXPECT_LT(place_of("journal 77 1"), place_of("start " + jid_number(1).str()));
}

TEST_F(AgentTest, JournalThatWentBackIsRenewedAndAnswersForNothingOlder) {
  auto welcome = master.accepting();
  welcome.renew_journal = true;
  open_session(welcome);
  EXPECT_LT(place_of("renew"), place_of("journal 78 0"));
  wire::Job older = master.job(1);
  older.issued = welcome.master_time - 1;
  run(older);
  run(master.job(2));
  EXPECT_THAT(jids_started(), ElementsAre(jid_number(2).str()));
  ASSERT_EQ(returns().size(), 1u);
}

TEST_F(AgentTest, JournalThatCannotBeRenewedAnswersForNothingOlderEither) {
  journal.renew_fails = true;
  auto welcome = master.accepting();
  welcome.renew_journal = true;
  open_session(welcome);
  wire::Job older = master.job(1);
  older.issued = welcome.master_time - 1;
  run(older);
  EXPECT_THAT(jids_started(), IsEmpty());
  const auto answers = returns();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].outcome, store::Outcome::kUnknown);
}

TEST_F(AgentTest, MastersClockIsFollowedWhateverTheWallClockSays) {
  clock.set_wall(kStart + 60'000'000);
  auto welcome = master.accepting();
  welcome.master_time = kStart + 5'000'000'000;
  EXPECT_EQ(agent->master_now(), 0);
  open_session(welcome);
  EXPECT_EQ(agent->master_now(), kStart + 5'000'000'000);
  clock.advance(seconds(10));
  clock.set_wall(kStart);
  EXPECT_EQ(agent->master_now(), kStart + 5'010'000'000);
}

TEST_F(AgentTest, BirthOfANewJournalIsStampedInTheMastersTime) {
  clock.advance(seconds(30));  // the agent is 30 s old when it meets its master
  auto welcome = master.accepting();
  welcome.master_time = kStart + 5'000'000'000;
  open_session(welcome);
  EXPECT_EQ(journal.birth(), kStart + 5'000'000'000 - 30'000'000);
  agent->flush();
  EXPECT_LT(place_of("birth"), place_of("sync"));
  lose_connection();
  const UnixMicros birth = journal.birth();
  open_session();
  EXPECT_EQ(journal.birth(), birth);
}

TEST_F(AgentTest, PendingMinionWaitsAsLongAsItIsTold) {
  connect();
  master.shake_hands(*agent);
  master.send(*agent, verdict(wire::Verdict::kPending, milliseconds(10'000), "the key waits to be accepted"));
  EXPECT_EQ(agent->state(), State::kWaiting);
  EXPECT_FALSE(link.connected);
  EXPECT_THAT(agent->trouble(), HasSubstr("waits to be accepted"));
  EXPECT_GE(until(agent->next_tick(), clock), milliseconds(10'000));
  EXPECT_LE(until(agent->next_tick(), clock), milliseconds(10'000) + options.recon_default);
  clock.advance(milliseconds(9'999));
  agent->on_tick();
  EXPECT_EQ(agent->state(), State::kWaiting);
  open_session();
  EXPECT_EQ(agent->trouble(), "");
}

TEST_F(AgentTest, NoMasterMakesItWaitForLongerThanTheBound) {
  connect();
  master.shake_hands(*agent);
  master.send(*agent, verdict(wire::Verdict::kRejected, milliseconds(1'000'000'000), "rejected"));
  EXPECT_LE(until(agent->next_tick(), clock), options.longest_wait + options.recon_default);
}

TEST_F(AgentTest, TicketResumesTheSession) {
  open_session();
  lose_connection();
  open_session();
  EXPECT_TRUE(master.peer().resumed);
  EXPECT_EQ(master.peer().ticket_key_version, 1u);
  lose_connection();
  open_session();
  EXPECT_TRUE(master.peer().resumed);
}

TEST_F(AgentTest, ExpiredTicketIsNotOffered) {
  open_session();
  lose_connection();
  clock.advance(seconds(3'601));
  open_session();
  EXPECT_FALSE(master.peer().resumed);
}

TEST_F(AgentTest, VoidTicketLeadsToAFullHandshakeAtOnce) {
  open_session();
  lose_connection();
  connect();
  master.shake_hands(*agent);
  ASSERT_TRUE(master.peer().resumed);
  master.send(*agent, verdict(wire::Verdict::kBusy, milliseconds(0), "the ticket is void"));
  EXPECT_EQ(agent->state(), State::kWaiting);
  EXPECT_LE(agent->next_tick(), clock.now());
  open_session();
  EXPECT_FALSE(master.peer().resumed);
}

TEST_F(AgentTest, BusyWithoutATicketIsNotRetriedAtOnceForEver) {
  open_session();
  lose_connection();
  std::set<std::int64_t> waits;
  for (int i = 0; i < 20; ++i) {
    connect();
    master.shake_hands(*agent);
    master.send(*agent, verdict(wire::Verdict::kBusy, milliseconds(0), "busy"));
    waits.insert(until(agent->next_tick(), clock).count());
  }
  EXPECT_GT(waits.size(), 5u);
}

TEST_F(AgentTest, RefusalInTheHandshakeIsWaitedOut) {
  connect();
  agent->on_frame(
      wire::make_frame(wire::FrameType::kRefusal, encode(wire::Refusal{wire::RefusalCode::kBusy, milliseconds(7'000), "busy"})));
  EXPECT_EQ(agent->state(), State::kWaiting);
  EXPECT_GE(until(agent->next_tick(), clock), milliseconds(7'000));
  open_session();
}

TEST_F(AgentTest, MasterOfAnotherClusterIsNotTrusted) {
  open_session();
  lose_connection();
  clock.advance(seconds(3'601));
  Happened elsewhere;
  ScriptedMaster impostor(elsewhere, clock);
  net::TicketKeeper tickets(milliseconds(1'000));
  connect();
  // The impostor's manifest has another root: what it would answer cannot be proven to the agent.
  auto theirs = std::make_shared<const net::ServerIdentity>(
      net::ServerIdentity{net::SigningKey::generate(), master.cluster_root(), impostor.manifest(1), 1});
  net::ServerHandshake handshake(theirs, tickets);
  net::ClientOptions same;
  same.id = id_of("web1");
  net::ClientHandshake hello(key, *trust, same);
  const auto frame = wire::parse_frame(hello.hello());
  ASSERT_TRUE(handshake.begin(frame->body, clock.unix_now()).has_value());
  agent->on_frame(*handshake.reply());
  EXPECT_EQ(agent->state(), State::kWaiting);
  EXPECT_NE(agent->trouble(), "");
  EXPECT_GE(until(agent->next_tick(), clock), options.recon_max);
}

TEST_F(AgentTest, SilentMasterIsGivenUpAtTheDeadline) {
  connect();
  clock.advance(options.connect_deadline - milliseconds(1));
  agent->on_tick();
  EXPECT_EQ(agent->state(), State::kHandshake);
  clock.advance(milliseconds(1));
  agent->on_tick();
  EXPECT_EQ(agent->state(), State::kWaiting);
  EXPECT_FALSE(link.connected);
}

TEST_F(AgentTest, MissingWelcomeIsGivenUpAtTheDeadline) {
  connect();
  master.shake_hands(*agent);
  clock.advance(options.connect_deadline);
  agent->on_tick();
  EXPECT_EQ(agent->state(), State::kWaiting);
}

TEST_F(AgentTest, BackOffGrowsWithFailuresAndIsBounded) {
  std::vector<milliseconds> longest;
  for (int failure = 0; failure < 12; ++failure) longest.emplace_back(0);
  for (int life = 0; life < 40; ++life) {
    make();
    for (milliseconds& wait : longest) {
      connect();
      agent->on_lost();
      wait = std::max(wait, until(agent->next_tick(), clock));
    }
  }
  EXPECT_LE(longest[0], options.recon_default);
  EXPECT_LE(longest[1], options.recon_default * 2);
  EXPECT_GT(longest[2], options.recon_default);
  EXPECT_GT(longest[4], options.recon_default * 4);
  for (const milliseconds wait : longest) EXPECT_LE(wait, options.recon_max);
}

TEST_F(AgentTest, BackOffIsRandom) {
  std::set<std::int64_t> waits;
  for (int life = 0; life < 20; ++life) {
    make();
    connect();
    agent->on_lost();
    waits.insert(until(agent->next_tick(), clock).count());
  }
  EXPECT_GT(waits.size(), 5u);
}

TEST_F(AgentTest, NextMasterIsTriedAfterAFailure) {
  AgentOptions two;
  two.masters = {"tcp://a:4506", "tcp://b:4506"};
  make(two);
  connect();
  agent->on_lost();
  connect();
  agent->on_lost();
  connect();
  ASSERT_THAT(link.endpoints, SizeIs(3));
  EXPECT_NE(link.endpoints[0], link.endpoints[1]);
  EXPECT_EQ(link.endpoints[0], link.endpoints[2]);
}

TEST_F(AgentTest, AMasterThatIsPreferredIsMovedToWithinTheTimeGiven) {
  open_session();
  // Whichever is preferred, it is not the one that serves.
  master.send(*agent, wire::Masters{{"b:1", "c:1"}, "master:4506"});
  EXPECT_EQ(agent->state(), State::kOpen);
  clock.advance(options.rebalance_within);
  agent->on_tick();
  EXPECT_EQ(agent->state(), State::kWaiting);
  connect();
  EXPECT_THAT(link.endpoints.back(), AnyOf("tcp://b:1", "tcp://c:1"));
}

TEST_F(AgentTest, AMasterThatIsTheBestIsKept) {
  open_session();
  master.send(*agent, wire::Masters{{"master:4506"}, "master:4506"});
  clock.advance(options.rebalance_within);
  agent->on_tick();
  EXPECT_EQ(agent->state(), State::kOpen);
}

TEST_F(AgentTest, WhenTheConnectionBreaksAnotherMasterIsTried) {
  open_session();
  master.send(*agent, wire::Masters{{"master:4506", "b:1"}, "master:4506"});
  lose_connection();
  connect();
  EXPECT_EQ(link.endpoints.back(), "tcp://b:1");
}

TEST_F(AgentTest, WhenAMasterStopsAnotherOneIsTried) {
  open_session();
  master.send(*agent, wire::Masters{{"master:4506", "b:1"}, "master:4506"});
  master.send(*agent, wire::Goodbye{wire::GoodbyeReason::kStopping, milliseconds(0), "the master stops"});
  connect();
  EXPECT_EQ(link.endpoints.back(), "tcp://b:1");
}

TEST_F(AgentTest, DisplacedMinionStandsBackForTheLongestTime) {
  open_session();
  master.send(*agent, wire::Goodbye{wire::GoodbyeReason::kDisplaced, milliseconds(0), "the same minion connected again"});
  EXPECT_EQ(agent->state(), State::kWaiting);
  EXPECT_GE(until(agent->next_tick(), clock), options.recon_max);
}

TEST_F(AgentTest, TicketOutlivesAStoppingMasterButNotAChangedKey) {
  open_session();
  master.send(*agent, wire::Goodbye{wire::GoodbyeReason::kStopping, milliseconds(0), "the master stops"});
  open_session();
  EXPECT_TRUE(master.peer().resumed);
  master.send(*agent, wire::Goodbye{wire::GoodbyeReason::kKeyChanged, milliseconds(0), "the key was deleted"});
  open_session();
  EXPECT_FALSE(master.peer().resumed);
}

TEST_F(AgentTest, HeartbeatsAreSentWhenNothingElseIs) {
  auto welcome = master.accepting();
  welcome.heartbeat = milliseconds(2'000);
  open_session(welcome);
  clock.advance(milliseconds(1'999));
  agent->on_tick();
  EXPECT_THAT(master.taken<wire::Heartbeat>(), IsEmpty());
  clock.advance(milliseconds(1));
  agent->on_tick();
  EXPECT_THAT(master.taken<wire::Heartbeat>(), SizeIs(1));
  clock.advance(milliseconds(1'999));
  agent->on_tick();
  EXPECT_THAT(master.taken<wire::Heartbeat>(), IsEmpty());
}

TEST_F(AgentTest, FrameThatIsNotOursEndsTheSession) {
  open_session();
  agent->on_frame("HTTP/1.1 400 Bad Request");
  EXPECT_EQ(agent->state(), State::kWaiting);
  EXPECT_FALSE(link.connected);
}

TEST_F(AgentTest, AlteredFrameEndsTheSession) {
  open_session();
  agent->on_frame(wire::make_frame(wire::FrameType::kSealed, std::string(64, 'x')));
  EXPECT_EQ(agent->state(), State::kWaiting);
}

TEST_F(AgentTest, SecondWelcomeEndsTheSession) {
  open_session();
  master.send(*agent, master.accepting());
  EXPECT_EQ(agent->state(), State::kWaiting);
}

TEST_F(AgentTest, NothingIsTakenBeforeTheWelcome) {
  connect();
  master.shake_hands(*agent);
  master.send(*agent, master.delivery(master.job(1), {id_of("web1")}, id_of("web1")));
  EXPECT_EQ(agent->state(), State::kWaiting);
  agent->flush();
  EXPECT_THAT(executor.started, IsEmpty());
}

TEST_F(AgentTest, MessageThatOnlyMinionsSendEndsTheSession) {
  open_session();
  master.send(*agent, wire::Leaving{});
  EXPECT_EQ(agent->state(), State::kWaiting);
}

TEST_F(AgentTest, FullSocketEndsTheSession) {
  auto welcome = master.accepting();
  open_session(welcome);
  link.takes = false;
  clock.advance(seconds(5));
  agent->on_tick();
  EXPECT_EQ(agent->state(), State::kWaiting);
  link.takes = true;
  open_session();
}

TEST_F(AgentTest, InstanceIsTheSameForAllSessionsOfAProcessAndAnotherInTheNext) {
  open_session();
  const std::uint64_t first = master.peer().proof.instance;
  lose_connection();
  open_session();
  EXPECT_EQ(master.peer().proof.instance, first);
  restart();
  open_session();
  EXPECT_NE(master.peer().proof.instance, first);
}

TEST_F(AgentTest, StopInASessionSaysGoodbye) {
  open_session();
  agent->stop();
  EXPECT_THAT(master.taken<wire::Leaving>(), SizeIs(1));
  EXPECT_TRUE(agent->idle());
  lose_connection();
  EXPECT_EQ(agent->state(), State::kStopped);
  EXPECT_EQ(agent->next_tick(), MonoTime::max());
}

TEST_F(AgentTest, StopOutsideASessionStopsAtOnce) {
  connect();
  agent->stop();
  EXPECT_EQ(agent->state(), State::kStopped);
  EXPECT_TRUE(agent->idle());
  clock.advance(seconds(60));
  agent->on_tick();
  EXPECT_THAT(link.endpoints, SizeIs(1));
}

TEST_F(AgentTest, TheMineIsToldOfSessionsAndGetsItsReplies) {
  open_session();
  EXPECT_EQ(mine.opened, 1);
  EXPECT_TRUE(agent->tell(wire::MineGet{7, "glob", "*", ':', "x"}));
  ASSERT_EQ(master.taken<wire::MineGet>().size(), 1U);
  master.send(*agent, wire::MineReply{7, "{}", ""});
  EXPECT_THAT(mine.replies, testing::ElementsAre("7{}"));
  EXPECT_EQ(mine.closed, 0);
  lose_connection();
  EXPECT_EQ(mine.closed, 1);
  EXPECT_FALSE(agent->tell(wire::MineGet{8, "glob", "*", ':', "x"}));
}

}  // namespace
}  // namespace brine::minion
