#include "handshake.capnp.h"
#include "manifest.capnp.h"
#include "wire/capnp_bytes.h"
#include "wire/handshake.h"

namespace brine::wire {
namespace {

constexpr std::size_t kKey = 32;
constexpr std::size_t kSignature = 64;
constexpr std::size_t kMac = 32;
constexpr unsigned kMaxOffers = 16;
constexpr std::size_t kMaxTicket = 512;
constexpr std::size_t kMaxJoinToken = 128;
constexpr std::size_t kMaxMembers = 1024;

Result<std::vector<std::uint16_t>> offers(capnp::List<std::uint16_t>::Reader list) {
  if (list.size() == 0 || list.size() > kMaxOffers) return fail(Code::kInvalid, "1 to 16 versions and suites are offered");
  std::vector<std::uint16_t> values;
  for (const std::uint16_t value : list) values.push_back(value);
  return values;
}

Result<std::string> bounded(capnp::Data::Reader data, std::size_t most, const char* what) {
  if (data.size() > most) return fail(Code::kInvalid, std::string(what) + " is too long");
  return string_of(data);
}

}  // namespace

std::string encode(const ClientHello& m) {
  return encode_root<schema::ClientHello>(m.body.size() + m.binder.size(), [&](schema::ClientHello::Builder b) {
    b.setBody(data_of(m.body));
    b.setBinder(data_of(m.binder));
  });
}

Result<ClientHello> decode_client_hello(std::string_view bytes) {
  return decode_root<schema::ClientHello>(bytes, [](schema::ClientHello::Reader r) -> Result<ClientHello> {
    ClientHello m;
    m.body = string_of(r.getBody());
    BRINE_LET(m.binder, fixed(r.getBinder(), kMac, "the binder", true));
    return m;
  });
}

std::string encode(const ClientHelloBody& m) {
  return encode_root<schema::ClientHelloBody>(256 + m.ticket.size() + m.cookie.size(), [&](schema::ClientHelloBody::Builder b) {
    auto versions = b.initVersions(static_cast<unsigned>(m.versions.size()));
    for (unsigned i = 0; i < versions.size(); ++i) versions.set(i, m.versions[i]);
    auto suites = b.initSuites(static_cast<unsigned>(m.suites.size()));
    for (unsigned i = 0; i < suites.size(); ++i) suites.set(i, m.suites[i]);
    b.setClusterRoot(data_of(m.cluster_root));
    b.setEphemeral(data_of(m.ephemeral));
    b.setNonce(data_of(m.nonce));
    b.setTicket(data_of(m.ticket));
    b.setCookie(data_of(m.cookie));
  });
}

Result<ClientHelloBody> decode_client_hello_body(std::string_view bytes) {
  return decode_root<schema::ClientHelloBody>(bytes, [](schema::ClientHelloBody::Reader r) -> Result<ClientHelloBody> {
    ClientHelloBody m;
    BRINE_LET(m.versions, offers(r.getVersions()));
    BRINE_LET(m.suites, offers(r.getSuites()));
    BRINE_LET(m.cluster_root, fixed(r.getClusterRoot(), kKey, "the cluster root", true));
    BRINE_LET(m.ephemeral, fixed(r.getEphemeral(), kKey, "the ephemeral key"));
    BRINE_LET(m.nonce, fixed(r.getNonce(), kKey, "the nonce"));
    BRINE_LET(m.ticket, bounded(r.getTicket(), kMaxTicket, "the ticket"));
    BRINE_LET(m.cookie, bounded(r.getCookie(), kMaxTicket, "the cookie"));
    return m;
  });
}

std::string encode(const ServerHello& m) {
  return encode_root<schema::ServerHello>(m.body.size() + m.proof.size(), [&](schema::ServerHello::Builder b) {
    b.setBody(data_of(m.body));
    b.setProof(data_of(m.proof));
  });
}

Result<ServerHello> decode_server_hello(std::string_view bytes) {
  return decode_root<schema::ServerHello>(bytes, [](schema::ServerHello::Reader r) -> Result<ServerHello> {
    return ServerHello{string_of(r.getBody()), string_of(r.getProof())};
  });
}

std::string encode(const ServerHelloBody& m) {
  return encode_root<schema::ServerHelloBody>(128, [&](schema::ServerHelloBody::Builder b) {
    b.setVersion(m.version);
    b.setSuite(m.suite);
    b.setEphemeral(data_of(m.ephemeral));
    b.setNonce(data_of(m.nonce));
    b.setResumed(m.resumed);
  });
}

Result<ServerHelloBody> decode_server_hello_body(std::string_view bytes) {
  return decode_root<schema::ServerHelloBody>(bytes, [](schema::ServerHelloBody::Reader r) -> Result<ServerHelloBody> {
    ServerHelloBody m;
    m.version = r.getVersion();
    m.suite = r.getSuite();
    BRINE_LET(m.ephemeral, fixed(r.getEphemeral(), kKey, "the ephemeral key"));
    BRINE_LET(m.nonce, fixed(r.getNonce(), kKey, "the nonce"));
    m.resumed = r.getResumed();
    return m;
  });
}

std::string encode(const ServerProof& m) {
  return encode_root<schema::ServerProof>(256 + m.manifest.size(), [&](schema::ServerProof::Builder b) {
    b.setPublicKey(data_of(m.public_key));
    b.setSignature(data_of(m.signature));
    b.setMac(data_of(m.mac));
    b.setManifest(data_of(m.manifest));
  });
}

Result<ServerProof> decode_server_proof(std::string_view bytes) {
  return decode_root<schema::ServerProof>(bytes, [](schema::ServerProof::Reader r) -> Result<ServerProof> {
    ServerProof m;
    BRINE_LET(m.public_key, fixed(r.getPublicKey(), kKey, "the public key", true));
    BRINE_LET(m.signature, fixed(r.getSignature(), kSignature, "the signature", true));
    BRINE_LET(m.mac, fixed(r.getMac(), kMac, "the MAC"));
    m.manifest = string_of(r.getManifest());
    return m;
  });
}

std::string encode(const ClientFinish& m) {
  return encode_root<schema::ClientFinish>(m.proof.size(), [&](schema::ClientFinish::Builder b) { b.setProof(data_of(m.proof)); });
}

Result<ClientFinish> decode_client_finish(std::string_view bytes) {
  return decode_root<schema::ClientFinish>(
      bytes, [](schema::ClientFinish::Reader r) -> Result<ClientFinish> { return ClientFinish{string_of(r.getProof())}; });
}

std::string encode(const ClientProof& m) {
  return encode_root<schema::ClientProof>(512, [&](schema::ClientProof::Builder b) {
    b.setId(text_of(m.id.str()));
    b.setPublicKey(data_of(m.public_key));
    b.setSignature(data_of(m.signature));
    b.setMac(data_of(m.mac));
    b.setPurpose(static_cast<schema::Purpose>(m.purpose));
    b.setInstance(m.instance);
    b.setJournalEpoch(m.journal_epoch);
    b.setJournalSequence(m.journal_sequence);
    b.setManifestEpoch(m.manifest_epoch);
    if (!m.join_token.empty()) b.setJoinToken(text_of(m.join_token));
  });
}

Result<ClientProof> decode_client_proof(std::string_view bytes) {
  return decode_root<schema::ClientProof>(bytes, [](schema::ClientProof::Reader r) -> Result<ClientProof> {
    ClientProof m;
    BRINE_LET(m.id, MinionId::parse(string_of(r.getId())));
    BRINE_LET(m.public_key, fixed(r.getPublicKey(), kKey, "the public key"));
    BRINE_LET(m.signature, fixed(r.getSignature(), kSignature, "the signature", true));
    BRINE_LET(m.mac, fixed(r.getMac(), kMac, "the MAC"));
    if (static_cast<std::uint16_t>(r.getPurpose()) > 2) return fail(Code::kInvalid, "unknown purpose");
    m.purpose = static_cast<Purpose>(r.getPurpose());
    m.instance = r.getInstance();
    m.journal_epoch = r.getJournalEpoch();
    m.journal_sequence = r.getJournalSequence();
    m.manifest_epoch = r.getManifestEpoch();
    if (r.getJoinToken().size() > kMaxJoinToken) return fail(Code::kInvalid, "the join token is too long");
    m.join_token = string_of(r.getJoinToken());
    return m;
  });
}

std::string encode(const Refusal& m) {
  return encode_root<schema::Refusal>(m.text.size(), [&](schema::Refusal::Builder b) {
    b.setCode(static_cast<schema::RefusalCode>(m.code));
    b.setRetryAfterMs(static_cast<std::uint32_t>(m.retry_after.count()));
    b.setText(text_of(m.text));
  });
}

Result<Refusal> decode_refusal(std::string_view bytes) {
  return decode_root<schema::Refusal>(bytes, [](schema::Refusal::Reader r) -> Result<Refusal> {
    if (static_cast<std::uint16_t>(r.getCode()) > 4) return fail(Code::kInvalid, "unknown refusal code");
    return Refusal{static_cast<RefusalCode>(r.getCode()), milliseconds(r.getRetryAfterMs()), string_of(r.getText())};
  });
}

std::string encode(const Manifest& m) {
  return encode_root<schema::Manifest>(256 + m.members.size() * 256, [&](schema::Manifest::Builder b) {
    b.setRoot(data_of(m.root));
    b.setEpoch(m.epoch);
    b.setIssued(m.issued);
    b.setNotAfter(m.not_after);
    auto members = b.initMembers(static_cast<unsigned>(m.members.size()));
    for (unsigned i = 0; i < members.size(); ++i) {
      members[i].setPublicKey(data_of(m.members[i].public_key));
      members[i].setWrapKey(data_of(m.members[i].wrap_key));
      members[i].setRole(static_cast<schema::Role>(m.members[i].role));
      members[i].setName(text_of(m.members[i].name));
      members[i].setSerial(m.members[i].serial);
      members[i].setNotAfter(m.members[i].not_after);
    }
    auto revoked = b.initRevoked(static_cast<unsigned>(m.revoked.size()));
    for (unsigned i = 0; i < revoked.size(); ++i) revoked.set(i, m.revoked[i]);
  });
}

Result<Manifest> decode_manifest(std::string_view bytes) {
  return decode_root<schema::Manifest>(bytes, [](schema::Manifest::Reader r) -> Result<Manifest> {
    Manifest m;
    BRINE_LET(m.root, fixed(r.getRoot(), kKey, "the root key"));
    m.epoch = r.getEpoch();
    m.issued = r.getIssued();
    m.not_after = r.getNotAfter();
    if (r.getMembers().size() > kMaxMembers) return fail(Code::kInvalid, "too many members");
    for (const auto member : r.getMembers()) {
      Member value;
      BRINE_LET(value.public_key, fixed(member.getPublicKey(), kKey, "a member's key"));
      BRINE_LET(value.wrap_key, fixed(member.getWrapKey(), kKey, "a member's wrap key"));
      if (static_cast<std::uint16_t>(member.getRole()) > 1) return fail(Code::kInvalid, "unknown role");
      value.role = static_cast<Role>(member.getRole());
      value.name = string_of(member.getName());
      value.serial = member.getSerial();
      value.not_after = member.getNotAfter();
      m.members.push_back(std::move(value));
    }
    for (const std::uint64_t serial : r.getRevoked()) m.revoked.push_back(serial);
    return m;
  });
}

std::string encode(const SignedManifest& m) {
  return encode_root<schema::SignedManifest>(m.manifest.size() + kSignature, [&](schema::SignedManifest::Builder b) {
    b.setManifest(data_of(m.manifest));
    b.setSignature(data_of(m.signature));
  });
}

Result<SignedManifest> decode_signed_manifest(std::string_view bytes) {
  return decode_root<schema::SignedManifest>(bytes, [](schema::SignedManifest::Reader r) -> Result<SignedManifest> {
    SignedManifest m;
    m.manifest = string_of(r.getManifest());
    BRINE_LET(m.signature, fixed(r.getSignature(), kSignature, "the signature"));
    return m;
  });
}

}  // namespace brine::wire
