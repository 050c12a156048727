// What a syndic may and may not say: everything here that is refused is what a rogue one would try.
#include "front/relay_port.h"

#include <gmock/gmock.h>

#include <limits>
#include <map>

#include "net/attachment.h"
#include "net/merkle.h"
#include "wire/job.h"

namespace brine::front {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr UnixMicros kEver = std::numeric_limits<UnixMicros>::max();
const std::string kRoot(32, 'r');

MinionId id(std::string_view text) { return MinionId::parse(text).value_or(MinionId()); }

// Writes down what reaches it; judges as it is told.
class FakeUpstream final : public Upstream {
 public:
  void admit(engine::AdmissionRequest request, std::function<void(engine::Admission)> done) override {
    admissions.push_back(request);
    done({engine::Verdict::kAccepted, milliseconds(0), "", 7});
  }
  void session_opened(engine::SessionOpened session) override { opened.push_back(std::move(session)); }
  void session_closed(engine::SessionRef session, engine::EndReason reason) override { closed.emplace_back(session.slot, reason); }
  void receipt(engine::SessionRef session, JobId, engine::Receipt) override { receipts.push_back(session.slot); }
  void journal_at(engine::SessionRef session, engine::JournalPosition) override { journals.push_back(session.slot); }
  void grains_changed(engine::SessionRef, MinionId minion, std::string grains) override { new_grains[minion.str()] = std::move(grains); }
  void mine_changed(engine::SessionRef session, MinionId, store::MineChange) override { mine.push_back(session.slot); }
  void mine_get(engine::SessionRef, MinionId reader, engine::MineQuery, std::function<void(std::string, std::string)> done) override {
    readers.push_back(reader.str());
    done("{}", "");
  }
  bool returns(std::vector<engine::PendingReturn>&&) override { return true; }
  void gateway_opened(engine::GatewayOpened) override {}
  void gateway_closed(engine::SessionRef) override { gateway_gone = true; }
  void judge_chain(engine::SessionRef, std::vector<store::Attachment> chain, std::function<void(UnixMicros)> done) override {
    chains.push_back(std::move(chain));
    judgements.push_back(std::move(done));
  }
  void call(MinionId minion, CallReport, std::function<void(JobId, std::string)> done) override {
    calls.push_back(minion.str());
    done(job_id_at(1), "");
  }
  // Answers all that have been asked.
  void judge(UnixMicros until) {
    for (const auto& done : std::exchange(judgements, {})) done(until);
  }

  std::vector<engine::AdmissionRequest> admissions;
  std::vector<engine::SessionOpened> opened;
  std::vector<std::pair<std::uint32_t, engine::EndReason>> closed;
  std::vector<std::uint32_t> receipts, journals;
  std::map<std::string, std::string> new_grains;
  std::vector<std::vector<store::Attachment>> chains;
  std::vector<std::function<void(UnixMicros)>> judgements;
  std::vector<std::string> calls, readers;
  std::vector<std::uint32_t> mine;
  bool gateway_gone = false;
};

class RelayPortTest : public testing::Test {
 protected:
  RelayPortTest()
      : port({upstream, counters, returns, [this](std::function<void(RelayPort&)> work) { work(port); }, [] { return UnixMicros{99}; },
              [] { return MonoTime{}; }, [this] { return above.public_key(); }},
             {{3, 17, 0}, id("eu-1"), syndic.public_key(), kRoot}) {}

  Status say(const wire::RelayUp& message) { return port.take(pack(message, true)); }
  wire::Chain word_of(const net::SigningKey& key, std::string_view name, const std::string& to) {
    return {net::attach(key, id(name), kRoot, to, 1'000)};
  }
  wire::Opened opened(std::uint32_t slot, wire::Chain chain) { return {slot, std::move(chain), 1, 7, "{}", {}, "10.0.0.1"}; }
  wire::RelayUp opening(std::uint32_t slot, wire::Chain chain) {
    wire::RelayUp message;
    message.opened.push_back(opened(slot, std::move(chain)));
    return message;
  }
  // m1 behind the syndic, by slot 1, judged.
  void open_m1(UnixMicros until = kEver) {
    EXPECT_TRUE(say(opening(1, word_of(minion, "m1", syndic.public_key()))));
    upstream.judge(until);
  }
  static wire::RelayUp returning(std::uint32_t slot, UnixMicros job) {
    wire::RelayUp message;
    wire::SlotReturn value{slot, {}};
    value.record.jid = job_id_at(job);
    value.record.payload = "true";
    message.returns.push_back(std::move(value));
    return message;
  }
  wire::RelayDown next() {
    const auto message = port.next(true);
    if (!message) return {};
    auto plain = wire::unpack_down(*message);
    EXPECT_TRUE(plain);
    return plain.value_or(wire::RelayDown{});
  }

  net::SigningKey above = net::SigningKey::generate();
  net::SigningKey syndic = net::SigningKey::generate();
  net::SigningKey minion = net::SigningKey::generate();
  FakeUpstream upstream;
  RelayCounters counters;
  std::vector<engine::PendingReturn> returns;
  RelayPort port;
};

TEST_F(RelayPortTest, AMinionThatSaysSoIsBehindTheSyndic) {
  open_m1();
  ASSERT_THAT(upstream.opened, SizeIs(1));
  EXPECT_EQ(upstream.opened[0].id, id("m1"));
  EXPECT_EQ(upstream.opened[0].session, (engine::SessionRef{3, 17, 1}));
  EXPECT_THAT(upstream.opened[0].path, ElementsAre(id("eu-1")));
  EXPECT_EQ(upstream.opened[0].chain.front().public_key, minion.public_key());
}

TEST_F(RelayPortTest, WhatTheMinionSaidToAnotherSyndicIsRefused) {
  const net::SigningKey other = net::SigningKey::generate();
  ASSERT_TRUE(say(opening(1, word_of(minion, "m1", other.public_key()))));
  EXPECT_THAT(upstream.opened, IsEmpty());
  EXPECT_EQ(counters.refused, 1U);
  const auto ends = next().ends;
  ASSERT_THAT(ends, SizeIs(1));
  EXPECT_EQ(ends[0].slot, 1U);
  EXPECT_THAT(ends[0].text, HasSubstr("has not said that it is behind this syndic"));
}

TEST_F(RelayPortTest, AWordThatWasAlteredIsRefused) {
  const wire::Chain good = word_of(minion, "m1", syndic.public_key());
  std::vector<wire::Chain> bad(4, good);
  bad[0][0].id = id("m2");
  bad[1][0].issued += 1;
  bad[2][0].signature[5] = static_cast<char>(bad[2][0].signature[5] ^ 1);
  bad[3][0].public_key = syndic.public_key();
  std::uint32_t slot = 0;
  for (const wire::Chain& chain : bad) ASSERT_TRUE(say(opening(++slot, chain)));
  EXPECT_THAT(upstream.opened, IsEmpty());
  EXPECT_EQ(counters.refused, bad.size());
}

TEST_F(RelayPortTest, AWordOfAnotherClusterIsRefused) {
  wire::Chain chain{net::attach(minion, id("m1"), std::string(32, 'x'), syndic.public_key(), 1'000)};
  ASSERT_TRUE(say(opening(1, chain)));
  EXPECT_THAT(upstream.opened, IsEmpty());
}

TEST_F(RelayPortTest, ReturnsWaitUntilUpstreamKnowsTheKeyOfTheirMinion) {
  ASSERT_TRUE(say(opening(1, word_of(minion, "m1", syndic.public_key()))));
  ASSERT_TRUE(say(returning(1, 5)));
  EXPECT_THAT(returns, IsEmpty());
  upstream.judge(kEver);
  ASSERT_THAT(returns, SizeIs(1));
  EXPECT_EQ(returns[0].record.minion, id("m1"));
  EXPECT_EQ(returns[0].record.received, 99);
  EXPECT_EQ(returns[0].session.slot, 1U);
}

TEST_F(RelayPortTest, ReturnsUnderAKeyThatTheSyndicMadeUpAreNotPassedOn) {
  const net::SigningKey made_up = net::SigningKey::generate();
  ASSERT_TRUE(say(opening(1, word_of(made_up, "victim", syndic.public_key()))));
  ASSERT_TRUE(say(returning(1, 5)));
  upstream.judge(0);
  ASSERT_TRUE(say(returning(1, 6)));
  EXPECT_THAT(returns, IsEmpty());
  EXPECT_THAT(next().ends, SizeIs(1));
}

TEST_F(RelayPortTest, ReturnsFromASlotThatWasNotOpenedEndTheSession) {
  EXPECT_FALSE(say(returning(9, 5)));
  EXPECT_THAT(returns, IsEmpty());
}

TEST_F(RelayPortTest, ASlotCannotBeUsedTwiceNorBeTheSyndicItself) {
  open_m1();
  EXPECT_FALSE(say(opening(1, word_of(minion, "m1", syndic.public_key()))));
  EXPECT_FALSE(say(opening(0, word_of(minion, "m1", syndic.public_key()))));
}

TEST_F(RelayPortTest, ReturnsOfJobsFromAfterTheMinionHadLeftDoNotCountAndAreForgotten) {
  open_m1(1'000'000);
  ASSERT_TRUE(say(returning(1, 1'000'000)));
  ASSERT_TRUE(say(returning(1, 1'000'001)));
  ASSERT_THAT(returns, SizeIs(1));
  EXPECT_EQ(unix_us_of(returns[0].record.jid), 1'000'000);
  const auto acks = next().acks;
  ASSERT_THAT(acks, SizeIs(1));
  EXPECT_THAT(acks[0].jids, ElementsAre(job_id_at(1'000'001)));
  EXPECT_EQ(counters.refused, 1U);
}

TEST_F(RelayPortTest, WhoHasLeftReturnsBehindNeedsNoSession) {
  wire::RelayUp message = returning(4, 5);
  message.past.push_back({4, word_of(minion, "m1", syndic.public_key())});
  ASSERT_TRUE(say(message));
  upstream.judge(kEver);
  EXPECT_THAT(upstream.opened, IsEmpty());
  EXPECT_THAT(returns, SizeIs(1));
}

TEST_F(RelayPortTest, AClosedSlotSaysNothingMore) {
  open_m1();
  wire::RelayUp closing;
  closing.closed.push_back({1, true, false});
  ASSERT_TRUE(say(closing));
  EXPECT_THAT(upstream.closed, ElementsAre(std::pair(1U, engine::EndReason::kLeft)));
  wire::RelayUp message;
  message.receipts.push_back({1, {job_id_at(5), wire::ReceiptState::kRunning}});
  message.grains.push_back({1, "{\"role\": \"root\"}"});
  ASSERT_TRUE(say(message));
  EXPECT_THAT(upstream.receipts, IsEmpty());
  EXPECT_THAT(upstream.new_grains, IsEmpty());
  EXPECT_FALSE(say(returning(1, 5)));
}

TEST_F(RelayPortTest, AMinionThatGoesBeforeItIsJudgedLosesNoReturn) {
  ASSERT_TRUE(say(opening(1, word_of(minion, "m1", syndic.public_key()))));
  ASSERT_TRUE(say(returning(1, 5)));
  wire::RelayUp closing;
  closing.closed.push_back({1, false, false});
  ASSERT_TRUE(say(closing));
  upstream.judge(kEver);
  EXPECT_THAT(returns, SizeIs(1));
}

TEST_F(RelayPortTest, ACallCountsOnlyForAMinionThatIsThere) {
  open_m1();
  wire::RelayUp message;
  message.calls.push_back({1, 11, {"test.ping", "{}", {}}});
  message.calls.push_back({2, 12, {"test.ping", "{}", {}}});
  ASSERT_TRUE(say(message));
  EXPECT_THAT(upstream.calls, ElementsAre("m1"));
  const auto replies = next().call_replies;
  ASSERT_THAT(replies, SizeIs(2));
  EXPECT_THAT(replies[1].reply.error, HasSubstr("not connected"));
}

TEST_F(RelayPortTest, TheMineIsReadAndWrittenInTheNameOfWhoIsThereOnly) {
  wire::RelayUp early = opening(1, word_of(minion, "m1", syndic.public_key()));
  early.mine_gets.push_back({1, {7, "glob", "*", ':', "addr"}});
  ASSERT_TRUE(say(early));
  EXPECT_THAT(upstream.readers, IsEmpty());  // upstream has not judged yet
  upstream.judge(kEver);
  wire::RelayUp message;
  message.mine.push_back({1, {}});
  message.mine.push_back({2, {}});
  message.mine_gets.push_back({1, {8, "glob", "*", ':', "addr"}});
  message.mine_gets.push_back({2, {9, "glob", "*", ':', "addr"}});
  ASSERT_TRUE(say(message));
  EXPECT_THAT(upstream.mine, ElementsAre(1U));
  EXPECT_THAT(upstream.readers, ElementsAre("m1"));
  const auto replies = next().mine_replies;
  ASSERT_THAT(replies, SizeIs(3));
  EXPECT_THAT(replies[0].error, HasSubstr("try again"));
  EXPECT_EQ(replies[1].json, "{}");
  EXPECT_FALSE(replies[2].error.empty());
}

TEST_F(RelayPortTest, MoreMineEntriesThanAMinionMayHaveEndItsSession) {
  open_m1();
  wire::RelayUp message;
  wire::SlotMine large{1, {}};
  large.change.entries.push_back({{}, "x", std::string((1U << 20) + 1, ' '), "", 0});
  message.mine.push_back(large);
  ASSERT_TRUE(say(message));
  EXPECT_THAT(upstream.mine, IsEmpty());
  EXPECT_THAT(next().ends, SizeIs(1));
}

TEST_F(RelayPortTest, ALostSyndicLosesAllThatIsBehindIt) {
  open_m1();
  port.close();
  EXPECT_THAT(upstream.closed, ElementsAre(std::pair(1U, engine::EndReason::kGateway)));
  EXPECT_TRUE(upstream.gateway_gone);
}

TEST_F(RelayPortTest, ALowerSyndicIsShownUpstreamWithItsOwnWord) {
  const net::SigningKey lower = net::SigningKey::generate();
  wire::RelayUp hello;
  hello.attachment = {net::attach(syndic, id("eu-1"), kRoot, above.public_key(), 5)};
  ASSERT_TRUE(say(hello));
  wire::Chain chain = word_of(minion, "m1", lower.public_key());
  chain.push_back(net::attach(lower, id("eu-1-b"), kRoot, syndic.public_key(), 2));
  ASSERT_TRUE(say(opening(1, chain)));
  ASSERT_THAT(upstream.opened, SizeIs(1));
  EXPECT_THAT(upstream.opened[0].path, ElementsAre(id("eu-1"), id("eu-1-b")));
  ASSERT_THAT(upstream.opened[0].chain, SizeIs(3));
  EXPECT_EQ(upstream.opened[0].chain[2].id, id("eu-1"));
  EXPECT_TRUE(net::verify_chain(upstream.opened[0].chain, kRoot, above.public_key()));
}

TEST_F(RelayPortTest, AnotherSyndicsWordIsNotItsOwn) {
  const net::SigningKey other = net::SigningKey::generate();
  wire::RelayUp hello;
  hello.attachment = {net::attach(other, id("eu-2"), kRoot, above.public_key(), 5)};
  EXPECT_FALSE(say(hello));
}

TEST_F(RelayPortTest, TiersEndAtEight) {
  wire::RelayUp hello;
  hello.attachment = {net::attach(syndic, id("eu-1"), kRoot, above.public_key(), 5)};
  ASSERT_TRUE(say(hello));
  std::vector<net::SigningKey> keys;
  for (std::size_t i = 0; i < wire::kMaxHops; ++i) keys.push_back(net::SigningKey::generate());
  wire::Chain chain;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const std::string next = i + 1 < keys.size() ? keys[i + 1].public_key() : syndic.public_key();
    chain.push_back(net::attach(keys[i], id("s" + std::to_string(i)), kRoot, next, 1));
  }
  ASSERT_TRUE(say(opening(1, chain)));
  EXPECT_THAT(upstream.opened, IsEmpty());
  EXPECT_THAT(next().ends[0].text, HasSubstr("too many syndics"));
}

TEST_F(RelayPortTest, AdmissionsAreAskedAndAnsweredByNumber) {
  wire::RelayUp message;
  message.admissions.push_back({42, id("m1"), minion.public_key(), "10.0.0.1:5", false, {1, 2}, "a token", "10.0.0.0/24"});
  message.admissions.push_back({43, id("eu-2"), minion.public_key(), "10.0.0.2:5", true, {}});
  ASSERT_TRUE(say(message));
  ASSERT_THAT(upstream.admissions, SizeIs(2));
  EXPECT_EQ(upstream.admissions[0].kind, store::KeyKind::kMinion);
  EXPECT_EQ(upstream.admissions[1].kind, store::KeyKind::kSyndic);
  EXPECT_EQ(upstream.admissions[0].join_token, "a token");
  EXPECT_EQ(upstream.admissions[0].network, "eu-1 10.0.0.0/24");
  const auto answers = next().admissions;
  ASSERT_THAT(answers, SizeIs(2));
  EXPECT_EQ(answers[0].number, 42U);
  EXPECT_EQ(answers[0].key_version, 7U);
}

TEST_F(RelayPortTest, GrainsBeyondTheBoundEndTheSession) {
  wire::Opened large = opened(1, word_of(minion, "m1", syndic.public_key()));
  large.grains = std::string((256U << 10) + 1, ' ');
  wire::RelayUp message;
  message.opened.push_back(large);
  EXPECT_FALSE(say(message));
}

// ---- jobs ------------------------------------------------------------------------------------------------------------------

class RelayedJobs : public RelayPortTest {
 protected:
  void deliver(std::size_t expected, std::vector<std::uint32_t> places) {
    job.jid = job_id_at(5);
    for (std::size_t i = 0; i < expected; ++i) job.expected.push_back(id("minion-" + std::to_string(10'000 + i)));
    PreparedJob ready{"the signed job", net::MerkleTree(job.expected), "signature"};
    std::vector<engine::Gateway::Recipient> recipients;
    for (const std::uint32_t place : places) recipients.push_back({{3, 17, place + 1}, place});
    port.deliver(ready, job, recipients);
  }
  store::JobRecord job;
};

TEST_F(RelayedJobs, ForOneOfManyItsProofTravels) {
  deliver(1'000, {500});
  const auto jobs = next().jobs;
  ASSERT_THAT(jobs, SizeIs(1));
  EXPECT_THAT(jobs[0].expected, IsEmpty());
  ASSERT_THAT(jobs[0].recipients, SizeIs(1));
  EXPECT_EQ(jobs[0].recipients[0].slot, 501U);
  EXPECT_TRUE(net::verify_inclusion(job.expected[500], 500, 1'000, jobs[0].recipients[0].proof, net::MerkleTree(job.expected).root()));
}

TEST_F(RelayedJobs, ForManyTheIdsTravelOnce) {
  std::vector<std::uint32_t> places(1'000);
  for (std::uint32_t i = 0; i < places.size(); ++i) places[i] = i;
  deliver(1'000, places);
  const auto message = port.next(true);
  ASSERT_TRUE(message);
  EXPECT_TRUE(message->compressed);
  EXPECT_LT(message->data.size(), message->size / 4);
  const auto jobs = wire::unpack_down(*message)->jobs;
  ASSERT_THAT(jobs, SizeIs(1));
  EXPECT_EQ(jobs[0].expected, job.expected);
  EXPECT_THAT(jobs[0].recipients, SizeIs(1'000));
  EXPECT_THAT(jobs[0].recipients[7].proof, IsEmpty());
}

TEST_F(RelayedJobs, AJobForOneMinionAloneNeedsNeither) {
  deliver(1, {0});
  const auto jobs = next().jobs;
  ASSERT_THAT(jobs, SizeIs(1));
  EXPECT_THAT(jobs[0].expected, IsEmpty());
  EXPECT_THAT(jobs[0].recipients[0].proof, IsEmpty());
  EXPECT_TRUE(net::verify_inclusion(job.expected[0], 0, 1, {}, net::MerkleTree(job.expected).root()));
}

}  // namespace
}  // namespace brine::front
