// The cryptography we use, composed of OpenSSL's EVP and nothing else. docs/security.md says what each part is for.
//
// All functions are thread-safe; Aead objects are confined to their user. Secrets are wiped on destruction where a type owns them.
// A failure of the library itself (no memory, no entropy) aborts: nothing sensible can follow. Verification failures are values.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace brine::net {

inline constexpr std::size_t kKeyBytes = 32;
inline constexpr std::size_t kSignatureBytes = 64;
inline constexpr std::size_t kHashBytes = 32;
inline constexpr std::size_t kTagBytes = 16;
inline constexpr std::size_t kIvBytes = 12;

std::string random_bytes(std::size_t count);
std::uint64_t random_u64();
// Uniform in [0, bound).
std::uint64_t random_below(std::uint64_t bound);

std::string sha256(std::string_view bytes);
// SHA-256 over parts, each preceded by its length (u32, little endian): no two lists of parts hash alike.
std::string sha256_parts(std::initializer_list<std::string_view> parts);
std::string hmac_sha256(std::string_view key, std::string_view bytes);
bool equal_constant_time(std::string_view a, std::string_view b);
void wipe(std::string& secret);

// RFC 5869.
std::string hkdf_extract(std::string_view salt, std::string_view secret);
std::string hkdf_expand(std::string_view prk, std::string_view info, std::size_t bytes);

// An Ed25519 key pair (RFC 8032). Immutable, shareable between threads.
class SigningKey {
 public:
  static SigningKey generate();
  static Result<SigningKey> from_seed(std::string_view seed);  // 32 bytes

  const std::string& public_key() const { return public_key_; }
  std::string seed() const;
  std::string sign(std::string_view message) const;

 private:
  struct Native;
  explicit SigningKey(std::shared_ptr<const Native> native);
  std::shared_ptr<const Native> native_;
  std::string public_key_;
};

// Ed25519 public key, parsed once for many verifications. Immutable.
bool verify_signature(std::string_view public_key, std::string_view message, std::string_view signature);

// "aa:bb:...": SHA-256 of a public key, as brine-key -F prints it and master_finger expects it.
std::string fingerprint(std::string_view public_key);

// An ephemeral or static X25519 key (RFC 7748).
class AgreementKey {
 public:
  static AgreementKey generate();
  static AgreementKey from_seed(std::string_view seed);  // 32 bytes

  const std::string& public_key() const { return public_key_; }
  // kInvalid when the peer's key gives the all-zero secret.
  Result<std::string> agree(std::string_view peer_public_key) const;

 private:
  struct Native;
  explicit AgreementKey(std::shared_ptr<const Native> native);
  std::shared_ptr<const Native> native_;
  std::string public_key_;
};

// AES-256-GCM under one key. Not thread-safe; movable.
class Aead {
 public:
  explicit Aead(std::string_view key);  // 32 bytes
  ~Aead();
  Aead(Aead&&) noexcept;
  Aead& operator=(Aead&&) noexcept;

  // Appends ciphertext and tag to out.
  void seal(std::string_view iv, std::string_view aad, std::string_view plain, std::string& out);
  // kCorrupt if anything was altered.
  Result<std::string> open(std::string_view iv, std::string_view aad, std::string_view sealed);

 private:
  struct Native;
  std::unique_ptr<Native> native_;
};

}  // namespace brine::net
