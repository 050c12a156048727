#include "net/handshake.h"

#include <algorithm>

namespace brine::net {
namespace {

constexpr std::string_view kNoPsk = std::string_view("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 32);

// Every byte of every frame is in a transcript, framing included: th1 = H(label, hello, the clear body of the server's hello),
// th2 = H(label, th1, the whole server hello), th3 = H(label, th2, the whole finish).
std::string transcript1(std::string_view hello, std::string_view server_body) {
  return sha256_parts({"brine-sigma-v1 th1", hello, server_body});
}
std::string transcript2(std::string_view th1, std::string_view server_hello) {
  return sha256_parts({"brine-sigma-v1 th2", th1, server_hello});
}
std::string transcript3(std::string_view th2, std::string_view finish) { return sha256_parts({"brine-sigma-v1 th3", th2, finish}); }

std::string derive(std::string_view prk, std::string_view label, std::string_view transcript, std::size_t bytes = kKeyBytes) {
  std::string info = "brine-v1 ";
  info += label;
  info.push_back('\0');
  info += transcript;
  return hkdf_expand(prk, info, bytes);
}

std::string signed_text(std::string_view role, std::string_view transcript) {
  std::string text = "brine-sigma-v1|";
  text += role;
  text.push_back('|');
  text += transcript;
  return text;
}

std::string mac_of(std::string_view prk, std::string_view role, std::string_view transcript, std::string_view identity) {
  std::string text(role);
  text.push_back('|');
  text += identity;
  return hmac_sha256(derive(prk, std::string(role) + " mac", transcript), text);
}

// A proof is sealed under a key of its own that is used once, so the IV is constant.
std::string seal_proof(std::string_view prk, std::string_view role, std::string_view transcript, std::string_view plain) {
  std::string sealed;
  Aead(derive(prk, std::string(role) + " proof", transcript)).seal(std::string(kIvBytes, '\0'), transcript, plain, sealed);
  return sealed;
}
Result<std::string> open_proof(std::string_view prk, std::string_view role, std::string_view transcript, std::string_view sealed) {
  return Aead(derive(prk, std::string(role) + " proof", transcript)).open(std::string(kIvBytes, '\0'), transcript, sealed);
}

SessionKeys session_keys(std::string_view prk, std::string_view th3) {
  SessionKeys keys;
  keys.session_id = derive(prk, "session id", th3, kSessionIdBytes);
  keys.minion_to_master_key = derive(prk, "minion to master key", th3);
  keys.minion_to_master_iv = derive(prk, "minion to master iv", th3, kIvBytes);
  keys.master_to_minion_key = derive(prk, "master to minion key", th3);
  keys.master_to_minion_iv = derive(prk, "master to minion iv", th3, kIvBytes);
  keys.resumption_secret = derive(prk, "resumption", th3);
  return keys;
}

std::string binder_of(std::string_view secret, std::string_view hello_body) {
  return hmac_sha256(hkdf_expand(secret, "brine-v1 binder", kKeyBytes), hello_body);
}

}  // namespace

ClientHandshake::ClientHandshake(const SigningKey& key, Trust& trust, ClientOptions options)
    : key_(key), trust_(trust), options_(std::move(options)), ephemeral_(AgreementKey::generate()) {
  wire::ClientHelloBody body;
  body.versions = {wire::kProtocolVersion};
  body.suites = {wire::kSuiteX25519Ed25519Aes256Gcm};
  body.cluster_root = trust_.cluster_root();
  body.ephemeral = ephemeral_.public_key();
  body.nonce = random_bytes(kHashBytes);
  body.cookie = options_.cookie;
  if (options_.ticket) body.ticket = options_.ticket->ticket;
  wire::ClientHello hello;
  hello.body = encode(body);
  if (options_.ticket) hello.binder = binder_of(options_.ticket->secret, hello.body);
  hello_body_ = encode(hello);
  hello_frame_ = wire::make_frame(wire::FrameType::kClientHello, hello_body_);
}

Result<ClientHandshake::Step> ClientHandshake::finish(std::string_view server_hello, UnixMicros wall_now) {
  BRINE_LET(const wire::ServerHello outer, wire::decode_server_hello(server_hello));
  BRINE_LET(const wire::ServerHelloBody body, wire::decode_server_hello_body(outer.body));
  if (body.version != wire::kProtocolVersion || body.suite != wire::kSuiteX25519Ed25519Aes256Gcm)
    return fail(Code::kDenied, "the master chose a version or suite that was not offered");
  if (body.resumed && !options_.ticket) return fail(Code::kDenied, "the master resumes a session that was not offered");
  return prove(server_hello, outer, body, wall_now);
}

Result<ClientHandshake::Step> ClientHandshake::prove(std::string_view frame_body, const wire::ServerHello& outer,
                                                     const wire::ServerHelloBody& body, UnixMicros wall_now) {
  BRINE_LET(std::string shared, ephemeral_.agree(body.ephemeral));
  std::string prk = hkdf_extract(body.resumed ? std::string_view(options_.ticket->secret) : kNoPsk, shared);
  wipe(shared);
  const std::string th1 = transcript1(hello_body_, outer.body);
  BRINE_LET(const std::string proof_bytes, open_proof(prk, "master", th1, outer.proof));
  BRINE_LET(const wire::ServerProof proof, wire::decode_server_proof(proof_bytes));
  if (!equal_constant_time(proof.mac, mac_of(prk, "master", th1, proof.public_key)))
    return fail(Code::kDenied, "the master's MAC does not fit");

  Step step;
  step.resumed = body.resumed;
  if (!body.resumed) {
    if (!verify_signature(proof.public_key, signed_text("master", th1), proof.signature))
      return fail(Code::kDenied, "the master's signature does not fit");
    BRINE_LET(step.manifest_is_new, trust_.admit(proof.manifest, wall_now));
    step.manifest = proof.manifest;
    step.peer = proof.public_key;
    if (!trust_.speaks(proof.public_key, wire::Role::kMaster, wall_now) && !trust_.speaks(proof.public_key, wire::Role::kSyndic, wall_now))
      return fail(Code::kDenied, "the peer is not a master of this cluster");
  }

  const std::string th2 = transcript2(th1, frame_body);
  wire::ClientProof mine;
  mine.id = options_.id;
  mine.public_key = key_.public_key();
  if (!body.resumed) mine.signature = key_.sign(signed_text("minion", th2));
  mine.mac = mac_of(prk, "minion", th2, mine.public_key + mine.id.str());
  mine.purpose = options_.purpose;
  mine.instance = options_.instance;
  mine.journal_epoch = options_.journal_epoch;
  mine.journal_sequence = options_.journal_sequence;
  mine.manifest_epoch = trust_.epoch();
  if (!body.resumed) mine.join_token = options_.join_token;
  const std::string sealed = seal_proof(prk, "minion", th2, encode(mine));
  const std::string finish_body = encode(wire::ClientFinish{sealed});
  step.finish_frame = wire::make_frame(wire::FrameType::kClientFinish, finish_body);
  step.keys = session_keys(prk, transcript3(th2, finish_body));
  wipe(prk);
  return step;
}

ServerHandshake::ServerHandshake(std::shared_ptr<const ServerIdentity> identity, TicketKeeper& tickets)
    : identity_(std::move(identity)), tickets_(tickets) {}

Result<ServerHandshake::Lane> ServerHandshake::begin(std::string_view client_hello, UnixMicros now) {
  BRINE_LET(const wire::ClientHello outer, wire::decode_client_hello(client_hello));
  BRINE_LET(hello_, wire::decode_client_hello_body(outer.body));
  const auto offers = [](const std::vector<std::uint16_t>& list, std::uint16_t wanted) {
    return std::find(list.begin(), list.end(), wanted) != list.end();
  };
  if (!offers(hello_.versions, wire::kProtocolVersion)) return fail(Code::kUnsupported, "this master speaks protocol version 1");
  if (!offers(hello_.suites, wire::kSuiteX25519Ed25519Aes256Gcm)) return fail(Code::kUnsupported, "this master speaks cipher suite 1");
  if (!hello_.cluster_root.empty() && hello_.cluster_root != identity_->cluster_root)
    return fail(Code::kDenied, "this master belongs to another cluster than the root key you pin");
  hello_bytes_ = client_hello;
  if (!hello_.ticket.empty()) {
    auto ticket = tickets_.open(hello_.ticket, now);
    // Under another manifest the ticket is void: who may speak has to be shown anew.
    if (ticket && ticket->manifest_epoch == identity_->manifest_epoch &&
        equal_constant_time(outer.binder, binder_of(ticket->resumption_secret, outer.body))) {
      ticket_ = std::move(*ticket);
      return Lane::kTicket;
    }
  }
  return !hello_.cookie.empty() && tickets_.knows_cookie(hello_.cookie) ? Lane::kKnown : Lane::kUnknown;
}

Result<std::string> ServerHandshake::reply() {
  const AgreementKey ephemeral = AgreementKey::generate();
  BRINE_LET(std::string shared, ephemeral.agree(hello_.ephemeral));
  secret_ = hkdf_extract(ticket_ ? std::string_view(ticket_->resumption_secret) : kNoPsk, shared);
  wipe(shared);

  wire::ServerHelloBody body;
  body.version = wire::kProtocolVersion;
  body.suite = wire::kSuiteX25519Ed25519Aes256Gcm;
  body.ephemeral = ephemeral.public_key();
  body.nonce = random_bytes(kHashBytes);
  body.resumed = ticket_.has_value();
  wire::ServerHello outer;
  outer.body = encode(body);
  const std::string th1 = transcript1(hello_bytes_, outer.body);

  wire::ServerProof proof;
  if (!ticket_) {
    proof.public_key = identity_->key.public_key();
    proof.signature = identity_->key.sign(signed_text("master", th1));
    proof.manifest = identity_->manifest;
  }
  proof.mac = mac_of(secret_, "master", th1, proof.public_key);
  outer.proof = seal_proof(secret_, "master", th1, encode(proof));
  const std::string frame_body = encode(outer);
  transcript_ = transcript2(th1, frame_body);
  return wire::make_frame(wire::FrameType::kServerHello, frame_body);
}

Result<ServerHandshake::Peer> ServerHandshake::finish(std::string_view client_finish) {
  if (transcript_.empty()) return fail(Code::kInvalid, "a finish without a hello");
  BRINE_LET(const wire::ClientFinish outer, wire::decode_client_finish(client_finish));
  BRINE_LET(const std::string proof_bytes, open_proof(secret_, "minion", transcript_, outer.proof));
  Peer peer;
  BRINE_LET(peer.proof, wire::decode_client_proof(proof_bytes));
  const std::string identity = peer.proof.public_key + peer.proof.id.str();
  if (!equal_constant_time(peer.proof.mac, mac_of(secret_, "minion", transcript_, identity)))
    return fail(Code::kDenied, "the minion's MAC does not fit");
  if (ticket_) {
    if (ticket_->id != peer.proof.id || ticket_->key_hash != sha256(peer.proof.public_key))
      return fail(Code::kDenied, "the ticket belongs to another minion");
    peer.resumed = true;
    peer.ticket_key_version = ticket_->key_version;
  } else if (!verify_signature(peer.proof.public_key, signed_text("minion", transcript_), peer.proof.signature)) {
    return fail(Code::kDenied, "the minion's signature does not fit");
  }
  peer.keys = session_keys(secret_, transcript3(transcript_, client_finish));
  wipe(secret_);
  return peer;
}

}  // namespace brine::net
