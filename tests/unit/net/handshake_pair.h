// Both sides of a handshake, with what they need, and a step each: what travels between them is the test's to alter.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "net/handshake.h"
#include "tests/unit/net/cluster.h"

namespace brine::net {

inline constexpr milliseconds kTicketLife{3'600'000};

struct HandshakePair {
  explicit HandshakePair(std::shared_ptr<const ServerIdentity> identity = nullptr);

  // New handshakes; trust and ticket keys stay.
  void begin_again(ClientOptions options);
  // What a master would hand out in Welcome after this handshake.
  HeldTicket ticket_for(const ServerHandshake::Peer& peer);
  // Runs all three messages unaltered. Fails the test if it does not succeed.
  struct Done {
    ClientHandshake::Step client;
    ServerHandshake::Peer server;
  };
  Done run();

  std::string hello() const { return body_of(client->hello(), wire::FrameType::kClientHello); }
  // ServerHello to this ClientHello, as a body.
  Result<std::string> answer(std::string_view hello_body);

  Cluster cluster;
  SigningKey minion_key = key_of('m');
  Trust trust{""};
  TicketKeeper tickets{kTicketLife};
  std::shared_ptr<const ServerIdentity> server_identity;
  std::optional<ClientHandshake> client;
  std::optional<ServerHandshake> server;
};

ClientOptions minion_options(const char* id = "web1");

// All of them; for comparing both sides.
std::string all_keys(const SessionKeys& keys);

}  // namespace brine::net
