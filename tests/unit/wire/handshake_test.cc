#include "wire/handshake.h"

#include <gtest/gtest.h>

#include <tuple>

#include "tests/unit/wire/samples.h"

namespace brine::wire {
namespace {

auto fields(const ClientHello& m) { return std::tuple(m.body, m.binder); }
auto fields(const ClientHelloBody& m) { return std::tuple(m.versions, m.suites, m.cluster_root, m.ephemeral, m.nonce, m.ticket, m.cookie); }
auto fields(const ServerHello& m) { return std::tuple(m.body, m.proof); }
auto fields(const ServerHelloBody& m) { return std::tuple(m.version, m.suite, m.ephemeral, m.nonce, m.resumed); }
auto fields(const ServerProof& m) { return std::tuple(m.public_key, m.signature, m.mac, m.manifest); }
auto fields(const ClientFinish& m) { return std::tuple(m.proof); }
auto fields(const ClientProof& m) {
  return std::tuple(m.id.str(), m.public_key, m.signature, m.mac, m.purpose, m.instance, m.journal_epoch, m.journal_sequence,
                    m.manifest_epoch, m.join_token);
}
auto fields(const Refusal& m) { return std::tuple(m.code, m.retry_after.count(), m.text); }
auto fields(const Member& m) { return std::tuple(m.public_key, m.wrap_key, m.role, m.name, m.serial, m.not_after); }
auto fields(const SignedManifest& m) { return std::tuple(m.manifest, m.signature); }

template <typename Message, typename Decode>
void expect_read(const std::string& name, const Message& expected, Decode decode) {
  const auto decoded = decode(golden(name));
  ASSERT_TRUE(decoded) << name << ": " << decoded.error().message;
  EXPECT_EQ(fields(*decoded), fields(expected)) << name;
}

template <typename Result>
void expect_invalid(const Result& result, std::string_view what) {
  ASSERT_FALSE(result) << what;
  EXPECT_EQ(result.error().code, Code::kInvalid) << what;
  EXPECT_FALSE(result.error().message.empty()) << what;
}

TEST(HandshakeCodec, EveryFieldIsReadFromTheGoldenFiles) {
  expect_read("client_hello", sample_client_hello(), decode_client_hello);
  expect_read("client_hello_body", sample_client_hello_body(), decode_client_hello_body);
  expect_read("server_hello", sample_server_hello(), decode_server_hello);
  expect_read("server_hello_body", sample_server_hello_body(), decode_server_hello_body);
  expect_read("server_proof", sample_server_proof(), decode_server_proof);
  expect_read("client_finish", sample_client_finish(), decode_client_finish);
  expect_read("client_proof", sample_client_proof(), decode_client_proof);
  expect_read("client_proof.2", sample_client_proof_2(), decode_client_proof);
  expect_read("refusal", sample_refusal(), decode_refusal);
  expect_read("signed_manifest", sample_signed_manifest(), decode_signed_manifest);
}

TEST(HandshakeCodec, ManifestIsReadWithItsMembers) {
  const auto read = decode_manifest(golden("manifest"));
  const Manifest expected = sample_manifest();
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(std::tuple(read->root, read->epoch, read->issued, read->not_after, read->revoked),
            std::tuple(expected.root, expected.epoch, expected.issued, expected.not_after, expected.revoked));
  ASSERT_EQ(read->members.size(), 2U);
  EXPECT_EQ(fields(read->members[0]), fields(expected.members[0]));
  EXPECT_EQ(fields(read->members[1]), fields(expected.members[1]));
}

TEST(HandshakeCodec, OptionalPartsMayBeEmpty) {
  ClientHello hello = sample_client_hello();
  hello.binder.clear();
  EXPECT_TRUE(decode_client_hello(encode(hello)));
  ClientHelloBody body = sample_client_hello_body();
  body.cluster_root = body.ticket = body.cookie = "";
  EXPECT_TRUE(decode_client_hello_body(encode(body)));
  ServerProof proof = sample_server_proof();
  proof.public_key = proof.signature = proof.manifest = "";
  EXPECT_TRUE(decode_server_proof(encode(proof)));
  ClientProof mine = sample_client_proof();
  mine.signature.clear();
  EXPECT_TRUE(decode_client_proof(encode(mine)));
}

// Every length but the right one (and none, where the field is optional) is refused.
template <typename Message, typename Decode>
void expect_exact(const Message& sample, std::string Message::* field, std::size_t right, bool optional, Decode decode) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, right - 1, right + 1, right * 2}) {
    if (size == 0 && optional) continue;
    Message message = sample;
    message.*field = bytes_from(0, size);
    expect_invalid(decode(encode(message)), std::to_string(size) + " bytes");
  }
}

TEST(HandshakeCodec, KeysNoncesMacsAndSignaturesOfAnotherLengthAreRefused) {
  expect_exact(sample_client_hello(), &ClientHello::binder, 32, true, decode_client_hello);
  expect_exact(sample_client_hello_body(), &ClientHelloBody::cluster_root, 32, true, decode_client_hello_body);
  expect_exact(sample_client_hello_body(), &ClientHelloBody::ephemeral, 32, false, decode_client_hello_body);
  expect_exact(sample_client_hello_body(), &ClientHelloBody::nonce, 32, false, decode_client_hello_body);
  expect_exact(sample_server_hello_body(), &ServerHelloBody::ephemeral, 32, false, decode_server_hello_body);
  expect_exact(sample_server_hello_body(), &ServerHelloBody::nonce, 32, false, decode_server_hello_body);
  expect_exact(sample_server_proof(), &ServerProof::public_key, 32, true, decode_server_proof);
  expect_exact(sample_server_proof(), &ServerProof::signature, 64, true, decode_server_proof);
  expect_exact(sample_server_proof(), &ServerProof::mac, 32, false, decode_server_proof);
  expect_exact(sample_client_proof(), &ClientProof::public_key, 32, false, decode_client_proof);
  expect_exact(sample_client_proof(), &ClientProof::signature, 64, true, decode_client_proof);
  expect_exact(sample_client_proof(), &ClientProof::mac, 32, false, decode_client_proof);
  expect_exact(sample_manifest(), &Manifest::root, 32, false, decode_manifest);
  expect_exact(sample_signed_manifest(), &SignedManifest::signature, 64, false, decode_signed_manifest);
}

TEST(HandshakeCodec, JoinTokensAreShort) {
  ClientProof proof = sample_client_proof();
  proof.join_token = std::string(128, 'x');
  EXPECT_TRUE(decode_client_proof(encode(proof)));
  proof.join_token += 'x';
  expect_invalid(decode_client_proof(encode(proof)), "129 bytes");
}

TEST(HandshakeCodec, MembersKeysOfAnotherLengthAreRefused) {
  for (std::string Member::* field : {&Member::public_key, &Member::wrap_key}) {
    Manifest manifest = sample_manifest();
    manifest.members[1].*field = bytes_from(0, 31);
    expect_invalid(decode_manifest(encode(manifest)), "a short key");
  }
}

TEST(HandshakeCodec, OneToSixteenOffersAreTaken) {
  for (std::vector<std::uint16_t> ClientHelloBody::* field : {&ClientHelloBody::versions, &ClientHelloBody::suites}) {
    ClientHelloBody body = sample_client_hello_body();
    (body.*field).assign(16, 1);
    EXPECT_TRUE(decode_client_hello_body(encode(body)));
    (body.*field).assign(17, 1);
    expect_invalid(decode_client_hello_body(encode(body)), "17 offers");
    (body.*field).clear();
    expect_invalid(decode_client_hello_body(encode(body)), "no offer");
  }
}

TEST(HandshakeCodec, TicketAndCookieAreBounded) {
  for (std::string ClientHelloBody::* field : {&ClientHelloBody::ticket, &ClientHelloBody::cookie}) {
    ClientHelloBody body = sample_client_hello_body();
    body.*field = bytes_from(0, 512);
    EXPECT_TRUE(decode_client_hello_body(encode(body)));
    body.*field = bytes_from(0, 513);
    expect_invalid(decode_client_hello_body(encode(body)), "513 bytes");
  }
}

TEST(HandshakeCodec, IdThatCouldLeaveAFolderIsRefused) {
  for (const char* id : {"", "..", "../../etc/cron.d/x", "/etc/passwd", "a/b", ".ssh", "-rf", "a b"}) {
    ClientProof proof = sample_client_proof();
    proof.id = MinionId::trusted(id);
    expect_invalid(decode_client_proof(encode(proof)), id);
  }
  ClientProof proof = sample_client_proof();
  proof.id = MinionId::trusted(std::string("a\0b", 3));
  expect_invalid(decode_client_proof(encode(proof)), "NUL");
  proof.id = MinionId::trusted(std::string(254, 'a'));
  expect_invalid(decode_client_proof(encode(proof)), "254 characters");
}

TEST(HandshakeCodec, MoreThan1024MembersAreRefused) {
  Manifest manifest = sample_manifest();
  manifest.members.assign(1024, manifest.members.front());
  EXPECT_TRUE(decode_manifest(encode(manifest)));
  manifest.members.push_back(manifest.members.front());
  expect_invalid(decode_manifest(encode(manifest)), "1025 members");
}

TEST(HandshakeCodec, UnknownEnumeratorsAreRefused) {
  ClientProof proof = sample_client_proof();
  proof.purpose = static_cast<Purpose>(3);
  expect_invalid(decode_client_proof(encode(proof)), "purpose");
  Refusal refusal = sample_refusal();
  refusal.code = static_cast<RefusalCode>(5);
  expect_invalid(decode_refusal(encode(refusal)), "code");
  Manifest manifest = sample_manifest();
  manifest.members[0].role = static_cast<Role>(2);
  expect_invalid(decode_manifest(encode(manifest)), "role");
}

}  // namespace
}  // namespace brine::wire
