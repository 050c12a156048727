#include "net/handshake.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/unit/net/handshake_pair.h"

namespace brine::net {
namespace {

using Lane = ServerHandshake::Lane;

class HandshakeTest : public testing::Test {
 protected:
  HandshakePair pair_;
};

TEST_F(HandshakeTest, BothSidesDeriveTheSameKeys) {
  const auto done = pair_.run();
  EXPECT_EQ(all_keys(done.client.keys), all_keys(done.server.keys));
  EXPECT_FALSE(done.client.resumed);
  EXPECT_FALSE(done.server.resumed);
}

TEST_F(HandshakeTest, KeysAreOfTheirLengthsAndAllDifferent) {
  const SessionKeys keys = pair_.run().client.keys;
  EXPECT_EQ(keys.session_id.size(), kSessionIdBytes);
  EXPECT_EQ(keys.minion_to_master_iv.size(), kIvBytes);
  EXPECT_EQ(keys.master_to_minion_iv.size(), kIvBytes);
  EXPECT_NE(keys.minion_to_master_iv, keys.master_to_minion_iv);
  const std::set<std::string> secrets{keys.minion_to_master_key, keys.master_to_minion_key, keys.resumption_secret};
  EXPECT_EQ(secrets.size(), 3U);
  for (const std::string& secret : secrets) EXPECT_EQ(secret.size(), kKeyBytes);
}

TEST_F(HandshakeTest, EverySessionHasNewKeys) {
  const std::string first = all_keys(pair_.run().client.keys);
  pair_.begin_again(minion_options());
  EXPECT_NE(all_keys(pair_.run().client.keys), first);
}

TEST_F(HandshakeTest, MasterLearnsWhatTheMinionProved) {
  pair_.trust.admit(pair_.cluster.signed_manifest(), kNow).value();
  pair_.begin_again(minion_options());
  const wire::ClientProof proof = pair_.run().server.proof;
  EXPECT_EQ(proof.id.str(), "web1");
  EXPECT_EQ(proof.public_key, pair_.minion_key.public_key());
  EXPECT_EQ(proof.purpose, wire::Purpose::kCall);
  EXPECT_EQ(proof.instance, 11U);
  EXPECT_EQ(proof.journal_epoch, 12U);
  EXPECT_EQ(proof.journal_sequence, 13U);
  EXPECT_EQ(proof.manifest_epoch, 5U);
}

TEST_F(HandshakeTest, MinionLearnsTheManifest) {
  const auto first = pair_.run();
  EXPECT_TRUE(first.client.manifest_is_new);
  EXPECT_EQ(first.client.manifest, pair_.cluster.signed_manifest());
  pair_.begin_again(minion_options());
  EXPECT_FALSE(pair_.run().client.manifest_is_new);
}

TEST_F(HandshakeTest, SessionCiphersOfBothSidesUnderstandEachOther) {
  const auto done = pair_.run();
  SessionCipher minion(done.client.keys, Side::kMinion);
  SessionCipher master(done.server.keys, Side::kMaster);
  EXPECT_EQ(master.open(body_of(minion.seal("up").value(), wire::FrameType::kSealed)), "up");
  EXPECT_EQ(minion.open(body_of(master.seal("down").value(), wire::FrameType::kSealed)), "down");
}

TEST_F(HandshakeTest, IdentitiesDoNotTravelInTheClear) {
  const std::string hello = pair_.hello();
  const std::string server_hello = pair_.answer(hello).value();
  const std::string finish = pair_.client->finish(server_hello, kNow).value().finish_frame;
  EXPECT_EQ((hello + server_hello).find(pair_.cluster.master.public_key()), std::string::npos);
  EXPECT_EQ((hello + finish).find(pair_.minion_key.public_key()), std::string::npos);
  EXPECT_EQ((hello + finish).find("web1"), std::string::npos);
}

// ---- admission lanes -------------------------------------------------------------------------------------------------------

TEST_F(HandshakeTest, LaneIsUnknownKnownByCookieOrTicket) {
  EXPECT_EQ(pair_.server->begin(pair_.hello(), kNow), Lane::kUnknown);
  ClientOptions options = minion_options();
  options.cookie = pair_.tickets.make_cookie(options.id);
  pair_.begin_again(options);
  EXPECT_EQ(pair_.server->begin(pair_.hello(), kNow), Lane::kKnown);
  options.cookie = std::string(60, 'x');
  pair_.begin_again(options);
  EXPECT_EQ(pair_.server->begin(pair_.hello(), kNow), Lane::kUnknown);
  const auto done = pair_.run();
  options.ticket = pair_.ticket_for(done.server);
  pair_.begin_again(options);
  EXPECT_EQ(pair_.server->begin(pair_.hello(), kNow), Lane::kTicket);
}

// ---- who may be at the other end -------------------------------------------------------------------------------------------

TEST_F(HandshakeTest, MasterThatIsNotInTheManifestIsRefused) {
  HandshakePair impostor(pair_.cluster.identity(key_of('X')));
  const auto step = impostor.client->finish(impostor.answer(impostor.hello()).value(), kNow);
  ASSERT_FALSE(step);
  EXPECT_EQ(step.error().code, Code::kDenied);
}

TEST_F(HandshakeTest, RevokedMasterIsRefused) {
  auto manifest = pair_.cluster.manifest();
  manifest.revoked = {1};
  manifest.epoch = 6;
  ASSERT_TRUE(pair_.trust.admit(pair_.cluster.signed_by_root(manifest), kNow));
  pair_.begin_again(minion_options());
  EXPECT_FALSE(pair_.client->finish(pair_.answer(pair_.hello()).value(), kNow)) << "it shows the older manifest, in which it still stands";
}

TEST_F(HandshakeTest, MasterOfAnotherClusterIsRefused) {
  const Cluster other('O');
  HandshakePair pair(other.identity(other.master));
  pair.trust = Trust(fingerprint(Cluster().root.public_key()));
  pair.begin_again(minion_options());
  const auto step = pair.client->finish(pair.answer(pair.hello()).value(), kNow);
  ASSERT_FALSE(step);
  EXPECT_NE(step.error().message.find("master_finger"), std::string::npos) << step.error().message;
}

TEST_F(HandshakeTest, MinionThatPinsAnotherRootIsToldSo) {
  const Cluster other('O');
  ASSERT_TRUE(pair_.trust.admit(other.signed_manifest(), kNow));
  pair_.begin_again(minion_options());
  const auto lane = pair_.server->begin(pair_.hello(), kNow);
  ASSERT_FALSE(lane);
  EXPECT_EQ(lane.error().code, Code::kDenied);
}

TEST_F(HandshakeTest, SyndicIsAPeerButCannotSignJobs) {
  HandshakePair pair(pair_.cluster.identity(pair_.cluster.syndic));
  const auto done = pair.run();
  EXPECT_EQ(all_keys(done.client.keys), all_keys(done.server.keys));
  wire::Job job = pair.cluster.job();
  job.signer = pair.cluster.syndic.public_key();
  EXPECT_FALSE(pair.trust.verify_job(signed_with(pair.cluster.syndic, job), kNow));
  EXPECT_TRUE(pair.trust.verify_job(signed_with(pair.cluster.master, pair.cluster.job()), kNow));
}

TEST_F(HandshakeTest, ExpiredManifestIsRefused) {
  EXPECT_FALSE(pair_.client->finish(pair_.answer(pair_.hello()).value(), kNow + 13 * kHour));
}

// ---- versions --------------------------------------------------------------------------------------------------------------

constexpr std::uint16_t kOtherVersions[] = {0, 2, 0xffff};

std::string hello_with(std::string_view hello, std::vector<std::uint16_t> versions, std::vector<std::uint16_t> suites) {
  auto outer = wire::decode_client_hello(hello).value();
  auto body = wire::decode_client_hello_body(outer.body).value();
  body.versions = std::move(versions);
  body.suites = std::move(suites);
  outer.body = encode(body);
  return encode(outer);
}

TEST_F(HandshakeTest, HelloWithoutACommonVersionOrSuiteIsRefused) {
  for (const std::uint16_t version : kOtherVersions) {
    EXPECT_EQ(pair_.server->begin(hello_with(pair_.hello(), {version}, {1}), kNow).error().code, Code::kUnsupported) << version;
    EXPECT_EQ(pair_.server->begin(hello_with(pair_.hello(), {1}, {version}), kNow).error().code, Code::kUnsupported) << version;
  }
  EXPECT_TRUE(pair_.server->begin(hello_with(pair_.hello(), {2, 1}, {3, 1}), kNow));
}

TEST_F(HandshakeTest, OffersThatWereAlteredOnTheWayAreNoticed) {
  for (const auto& offers : {std::vector<std::uint16_t>{1, 0}, {2, 1}, {1, 1}}) {
    pair_.begin_again(minion_options());
    EXPECT_FALSE(pair_.client->finish(pair_.answer(hello_with(pair_.hello(), offers, {1})).value(), kNow));
    pair_.begin_again(minion_options());
    EXPECT_FALSE(pair_.client->finish(pair_.answer(hello_with(pair_.hello(), {1}, offers)).value(), kNow));
  }
}

TEST_F(HandshakeTest, ChoiceThatWasNotOfferedIsRefused) {
  const auto sound = wire::decode_server_hello(pair_.answer(pair_.hello()).value()).value();
  for (const std::uint16_t other : kOtherVersions) {
    auto body = wire::decode_server_hello_body(sound.body).value();
    body.version = other;
    EXPECT_EQ(pair_.client->finish(encode(wire::ServerHello{encode(body), sound.proof}), kNow).error().code, Code::kDenied);
    body = wire::decode_server_hello_body(sound.body).value();
    body.suite = other;
    EXPECT_EQ(pair_.client->finish(encode(wire::ServerHello{encode(body), sound.proof}), kNow).error().code, Code::kDenied);
  }
}

// ---- resumption ------------------------------------------------------------------------------------------------------------

class ResumptionTest : public HandshakeTest {
 protected:
  ResumptionTest() : first_(pair_.run()), held_(pair_.ticket_for(first_.server)) {}

  ClientOptions with_ticket(const char* id = "web1") {
    ClientOptions options = minion_options(id);
    options.ticket = held_;
    return options;
  }

  HandshakePair::Done first_;
  HeldTicket held_;
};

TEST_F(ResumptionTest, BothSidesDeriveTheSameFreshKeys) {
  pair_.begin_again(with_ticket());
  const auto done = pair_.run();
  EXPECT_TRUE(done.client.resumed);
  EXPECT_TRUE(done.server.resumed);
  EXPECT_EQ(done.server.ticket_key_version, 17U);
  EXPECT_EQ(all_keys(done.client.keys), all_keys(done.server.keys));
  EXPECT_NE(all_keys(done.client.keys), all_keys(first_.client.keys));
  EXPECT_NE(done.client.keys.resumption_secret, first_.client.keys.resumption_secret);
  EXPECT_EQ(done.server.proof.id.str(), "web1");
  EXPECT_TRUE(done.server.proof.signature.empty());
}

TEST_F(ResumptionTest, WrongBinderFallsBackToAFullHandshake) {
  held_.secret = std::string(kKeyBytes, 'z');
  pair_.begin_again(with_ticket());
  EXPECT_EQ(pair_.server->begin(pair_.hello(), kNow), Lane::kUnknown);
  pair_.begin_again(with_ticket());
  const auto done = pair_.run();
  EXPECT_FALSE(done.client.resumed);
  EXPECT_FALSE(done.server.resumed);
  EXPECT_EQ(all_keys(done.client.keys), all_keys(done.server.keys));
}

TEST_F(ResumptionTest, TicketThatIsNotOursOrForgottenFallsBackToAFullHandshake) {
  for (int i = 0; i < 32; ++i) pair_.tickets.rotate(kNow);
  pair_.begin_again(with_ticket());
  EXPECT_FALSE(pair_.run().server.resumed);
  held_.ticket = "garbage";
  pair_.begin_again(with_ticket());
  EXPECT_FALSE(pair_.run().server.resumed);
}

TEST_F(ResumptionTest, ExpiredTicketIsNotTaken) {
  pair_.begin_again(with_ticket());
  EXPECT_EQ(pair_.server->begin(pair_.hello(), kNow + 2 * kHour), Lane::kUnknown);
}

TEST_F(ResumptionTest, TicketOfAnOlderManifestFallsBackToAFullHandshake) {
  auto renewed = std::make_shared<ServerIdentity>(*pair_.server_identity);
  ++renewed->manifest_epoch;
  pair_.server_identity = renewed;
  pair_.begin_again(with_ticket());
  EXPECT_EQ(pair_.server->begin(pair_.hello(), kNow), Lane::kUnknown);
}

TEST_F(ResumptionTest, TicketOfAnotherMinionIsRefused) {
  pair_.begin_again(with_ticket("web2"));
  const auto step = pair_.client->finish(pair_.answer(pair_.hello()).value(), kNow);
  ASSERT_TRUE(step);
  const auto peer = pair_.server->finish(body_of(step->finish_frame, wire::FrameType::kClientFinish));
  ASSERT_FALSE(peer);
  EXPECT_EQ(peer.error().code, Code::kDenied);
}

TEST_F(ResumptionTest, TicketWithAnotherKeyOfTheSameIdIsRefused) {
  pair_.minion_key = key_of('n');
  pair_.begin_again(with_ticket());
  const auto step = pair_.client->finish(pair_.answer(pair_.hello()).value(), kNow);
  ASSERT_TRUE(step);
  EXPECT_FALSE(pair_.server->finish(body_of(step->finish_frame, wire::FrameType::kClientFinish)));
}

TEST_F(ResumptionTest, MasterWithoutTheSecretCannotResume) {
  HandshakePair impostor;
  const auto stolen = [&] {
    TicketContent content;
    content.id = MinionId::trusted("web1");
    content.key_hash = sha256(pair_.minion_key.public_key());
    content.manifest_epoch = 5;
    content.issued = kNow;
    content.life = kTicketLife;
    content.resumption_secret = std::string(kKeyBytes, 'g');  // a guess
    return impostor.tickets.seal(content);
  }();
  // The impostor opens a ticket of its own making with a guessed secret; the minion's hello carries the real one.
  ClientOptions options = with_ticket();
  pair_.begin_again(options);
  auto outer = wire::decode_client_hello(pair_.hello()).value();
  auto body = wire::decode_client_hello_body(outer.body).value();
  body.ticket = stolen;
  outer.body = encode(body);
  outer.binder = hmac_sha256(hkdf_expand(std::string(kKeyBytes, 'g'), "brine-v1 binder", kKeyBytes), outer.body);
  const std::string forged = encode(outer);
  ASSERT_EQ(impostor.server->begin(forged, kNow), Lane::kTicket);
  const std::string frame = impostor.server->reply().value();
  EXPECT_FALSE(pair_.client->finish(body_of(frame, wire::FrameType::kServerHello), kNow));
}

TEST_F(ResumptionTest, MinionThatOfferedNoTicketIsNotResumed) {
  pair_.begin_again(with_ticket());
  const std::string resumed_hello = pair_.answer(pair_.hello()).value();
  ClientHandshake plain(pair_.minion_key, pair_.trust, minion_options());
  EXPECT_EQ(plain.finish(resumed_hello, kNow).error().code, Code::kDenied);
}

}  // namespace
}  // namespace brine::net
