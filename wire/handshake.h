// Handshake messages as values, and their codec. Decoding judges every length and id; what it returns can be used.
// The meaning of the fields is in wire/handshake.capnp and wire/manifest.capnp. Encoders and decoders are pure and thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"

namespace brine::wire {

inline constexpr std::uint16_t kProtocolVersion = 1;
inline constexpr std::uint16_t kSuiteX25519Ed25519Aes256Gcm = 1;

struct ClientHello {
  std::string body;
  std::string binder;
};
struct ClientHelloBody {
  std::vector<std::uint16_t> versions;
  std::vector<std::uint16_t> suites;
  std::string cluster_root;  // 32 bytes or empty
  std::string ephemeral;     // 32 bytes
  std::string nonce;         // 32 bytes
  std::string ticket;
  std::string cookie;
};
struct ServerHello {
  std::string body;
  std::string proof;
};
struct ServerHelloBody {
  std::uint16_t version = 0;
  std::uint16_t suite = 0;
  std::string ephemeral;  // 32 bytes
  std::string nonce;      // 32 bytes
  bool resumed = false;
};
struct ServerProof {
  std::string public_key;
  std::string signature;
  std::string mac;
  std::string manifest;
};
struct ClientFinish {
  std::string proof;
};
enum class Purpose : std::uint8_t { kMinion = 0, kCall = 1, kSyndic = 2 };
struct ClientProof {
  MinionId id;
  std::string public_key;  // 32 bytes
  std::string signature;
  std::string mac;
  Purpose purpose = Purpose::kMinion;
  std::uint64_t instance = 0;
  std::uint64_t journal_epoch = 0;
  std::uint64_t journal_sequence = 0;
  std::uint64_t manifest_epoch = 0;
  std::string join_token;  // at most 128 bytes
};
enum class RefusalCode : std::uint8_t { kBusy = 0, kVersion = 1, kOtherCluster = 2, kMalformed = 3, kTicket = 4 };
struct Refusal {
  RefusalCode code = RefusalCode::kBusy;
  milliseconds retry_after{0};
  std::string text;
};

enum class Role : std::uint8_t { kMaster = 0, kSyndic = 1 };
struct Member {
  std::string public_key;  // 32 bytes
  std::string wrap_key;    // 32 bytes
  Role role = Role::kMaster;
  std::string name;
  std::uint64_t serial = 0;
  UnixMicros not_after = 0;
};
struct Manifest {
  std::string root;  // 32 bytes
  std::uint64_t epoch = 0;
  UnixMicros issued = 0;
  UnixMicros not_after = 0;
  std::vector<Member> members;
  std::vector<std::uint64_t> revoked;
};
struct SignedManifest {
  std::string manifest;
  std::string signature;  // 64 bytes
};

std::string encode(const ClientHello& message);
std::string encode(const ClientHelloBody& message);
std::string encode(const ServerHello& message);
std::string encode(const ServerHelloBody& message);
std::string encode(const ServerProof& message);
std::string encode(const ClientFinish& message);
std::string encode(const ClientProof& message);
std::string encode(const Refusal& message);
std::string encode(const Manifest& message);
std::string encode(const SignedManifest& message);

Result<ClientHello> decode_client_hello(std::string_view bytes);
Result<ClientHelloBody> decode_client_hello_body(std::string_view bytes);
Result<ServerHello> decode_server_hello(std::string_view bytes);
Result<ServerHelloBody> decode_server_hello_body(std::string_view bytes);
Result<ServerProof> decode_server_proof(std::string_view bytes);
Result<ClientFinish> decode_client_finish(std::string_view bytes);
Result<ClientProof> decode_client_proof(std::string_view bytes);
Result<Refusal> decode_refusal(std::string_view bytes);
Result<Manifest> decode_manifest(std::string_view bytes);
Result<SignedManifest> decode_signed_manifest(std::string_view bytes);

}  // namespace brine::wire
