// SIGMA-I over X25519, both sides, as pure state machines: bytes in, bytes out. No sockets, no clock but what is passed in.
// Source: H. Krawczyk, "SIGMA: the SIGn-and-MAc approach to authenticated Diffie-Hellman" (2003), section 5.2; key schedule after
// RFC 5869 and RFC 8446. docs/wire-format.md states every byte that is hashed, signed and derived.
// Each object serves one handshake and is confined to its owner's loop.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "net/crypto.h"
#include "net/session_cipher.h"
#include "net/tickets.h"
#include "net/trust.h"
#include "wire/handshake.h"

namespace brine::net {

// Kept by the minion in memory only.
struct HeldTicket {
  std::string ticket;
  std::string secret;
  MonoTime expires;
  std::string peer;  // Ed25519 key of who gave it
};

struct ClientOptions {
  MinionId id;
  wire::Purpose purpose = wire::Purpose::kMinion;
  std::uint64_t instance = 0;
  std::uint64_t journal_epoch = 0;
  std::uint64_t journal_sequence = 0;
  std::string cookie;
  std::optional<HeldTicket> ticket;
  std::string join_token = {};  // shown to a master that has proven itself, in a full handshake
};

class ClientHandshake {
 public:
  ClientHandshake(const SigningKey& key, Trust& trust, ClientOptions options);

  // The first frame to send.
  const std::string& hello() const { return hello_frame_; }

  struct Step {
    std::string finish_frame;      // to send
    SessionKeys keys;              // the session begins with the next frame from the master
    bool manifest_is_new = false;  // keep manifest on disk
    std::string manifest;
    bool resumed = false;
    std::string peer;  // Ed25519 key of the other side; empty when resumed
  };
  // Judges the body of the ServerHello frame. kDenied: this is not a master we trust, with the reason for the log.
  Result<Step> finish(std::string_view server_hello, UnixMicros wall_now);

 private:
  Result<Step> prove(std::string_view frame_body, const wire::ServerHello& outer, const wire::ServerHelloBody& body, UnixMicros wall_now);

  const SigningKey& key_;
  Trust& trust_;
  ClientOptions options_;
  AgreementKey ephemeral_;
  std::string hello_frame_;
  std::string hello_body_;
};

// What a master shows of itself. Immutable; replaced as a whole when the manifest is renewed.
struct ServerIdentity {
  SigningKey key;
  std::string cluster_root;  // SHA-256 of the root key
  std::string manifest;      // encoded SignedManifest
  std::uint64_t manifest_epoch = 0;
};

class ServerHandshake {
 public:
  ServerHandshake(std::shared_ptr<const ServerIdentity> identity, TicketKeeper& tickets);

  enum class Lane : std::uint8_t { kTicket, kKnown, kUnknown };
  // Judges the body of a ClientHello frame, with symmetric cryptography only. An Error carries the refusal to send:
  // kUnsupported: version; kDenied: other cluster; kInvalid: malformed.
  Result<Lane> begin(std::string_view client_hello, UnixMicros now);
  // The expensive step: the ServerHello frame.
  Result<std::string> reply();

  struct Peer {
    wire::ClientProof proof;  // id and key are proven to belong together; whether they are accepted is not judged here
    SessionKeys keys;
    bool resumed = false;
    std::uint64_t ticket_key_version = 0;  // when resumed: the key record's version when the ticket was issued
  };
  // Judges the body of a ClientFinish frame.
  Result<Peer> finish(std::string_view client_finish);

 private:
  std::shared_ptr<const ServerIdentity> identity_;
  TicketKeeper& tickets_;
  std::string hello_bytes_;
  wire::ClientHelloBody hello_;
  std::optional<TicketContent> ticket_;
  std::string secret_;      // PRK of this handshake
  std::string transcript_;  // th1, then th2
};

}  // namespace brine::net
