#include "tests/unit/net/handshake_pair.h"

#include <gtest/gtest.h>

namespace brine::net {

HandshakePair::HandshakePair(std::shared_ptr<const ServerIdentity> identity)
    : server_identity(identity ? std::move(identity) : cluster.identity(cluster.master)) {
  tickets.rotate(kNow);
  begin_again(minion_options());
}

void HandshakePair::begin_again(ClientOptions options) {
  client.emplace(minion_key, trust, std::move(options));
  server.emplace(server_identity, tickets);
}

HeldTicket HandshakePair::ticket_for(const ServerHandshake::Peer& peer) {
  TicketContent content;
  content.id = peer.proof.id;
  content.key_hash = sha256(peer.proof.public_key);
  content.key_version = 17;
  content.manifest_epoch = 5;
  content.issued = kNow;
  content.life = kTicketLife;
  content.resumption_secret = peer.keys.resumption_secret;
  return {tickets.seal(content), peer.keys.resumption_secret, {}};
}

Result<std::string> HandshakePair::answer(std::string_view hello_body) {
  BRINE_LET(const auto lane, server->begin(hello_body, kNow));
  static_cast<void>(lane);
  BRINE_LET(const std::string frame, server->reply());
  return body_of(frame, wire::FrameType::kServerHello);
}

HandshakePair::Done HandshakePair::run() {
  const auto server_hello = answer(hello());
  EXPECT_TRUE(server_hello) << server_hello.error().message;
  auto step = client->finish(server_hello.value_or(""), kNow);
  EXPECT_TRUE(step) << step.error().message;
  auto peer = server->finish(body_of(step.value().finish_frame, wire::FrameType::kClientFinish));
  EXPECT_TRUE(peer) << peer.error().message;
  return {std::move(*step), std::move(peer.value())};
}

ClientOptions minion_options(const char* id) {
  ClientOptions options;
  options.id = MinionId::trusted(id);
  options.purpose = wire::Purpose::kCall;
  options.instance = 11;
  options.journal_epoch = 12;
  options.journal_sequence = 13;
  return options;
}

std::string all_keys(const SessionKeys& keys) {
  return keys.session_id + keys.minion_to_master_key + keys.minion_to_master_iv + keys.master_to_minion_key + keys.master_to_minion_iv +
         keys.resumption_secret;
}

}  // namespace brine::net
