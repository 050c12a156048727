#include "net/crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <cstdlib>

#include "base/bytes.h"

namespace brine::net {
namespace {

// OpenSSL fails here only when it has no memory or no entropy.
void require(bool ok) {
  if (!ok) std::abort();
}

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};
using PkeyPtr = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using PkeyCtxPtr = std::unique_ptr<EVP_PKEY_CTX, Deleter<EVP_PKEY_CTX_free>>;
using MdCtxPtr = std::unique_ptr<EVP_MD_CTX, Deleter<EVP_MD_CTX_free>>;
using CipherCtxPtr = std::unique_ptr<EVP_CIPHER_CTX, Deleter<EVP_CIPHER_CTX_free>>;

PkeyPtr generate_key(int type) {
  const PkeyCtxPtr ctx(EVP_PKEY_CTX_new_id(type, nullptr));
  EVP_PKEY* key = nullptr;
  require(ctx && EVP_PKEY_keygen_init(ctx.get()) == 1 && EVP_PKEY_keygen(ctx.get(), &key) == 1);
  return PkeyPtr(key);
}

std::string raw_public_key(EVP_PKEY* key) {
  std::string bytes(kKeyBytes, '\0');
  std::size_t size = bytes.size();
  require(EVP_PKEY_get_raw_public_key(key, as_u8(bytes), &size) == 1 && size == kKeyBytes);
  return bytes;
}

// EVP_sha256() and SHA256() look the algorithm up at each use, under locks that threads share.
const EVP_MD* sha256_algorithm() {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  require(algorithm != nullptr);
  return algorithm;
}

MdCtxPtr sha256_start() {
  MdCtxPtr ctx(EVP_MD_CTX_new());
  require(ctx && EVP_DigestInit_ex(ctx.get(), sha256_algorithm(), nullptr) == 1);
  return ctx;
}

std::string sha256_finish(EVP_MD_CTX* ctx) {
  std::string hash(kHashBytes, '\0');
  require(EVP_DigestFinal_ex(ctx, as_u8(hash), nullptr) == 1);
  return hash;
}

}  // namespace

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  require(RAND_bytes(as_u8(bytes), static_cast<int>(count)) == 1);
  return bytes;
}

std::uint64_t random_u64() { return read_le<std::uint64_t>(random_bytes(8)); }

std::uint64_t random_below(std::uint64_t bound) {
  if (bound <= 1) return 0;
  const std::uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
  while (true) {
    const std::uint64_t value = random_u64();
    if (value < limit) return value % bound;
  }
}

std::string sha256(std::string_view bytes) {
  std::string hash(kHashBytes, '\0');
  require(EVP_Digest(bytes.data(), bytes.size(), as_u8(hash), nullptr, sha256_algorithm(), nullptr) == 1);
  return hash;
}

std::string sha256_parts(std::initializer_list<std::string_view> parts) {
  const MdCtxPtr ctx = sha256_start();
  for (const std::string_view part : parts) {
    std::string length;
    append_le(length, static_cast<std::uint32_t>(part.size()));
    require(EVP_DigestUpdate(ctx.get(), length.data(), length.size()) == 1);
    require(EVP_DigestUpdate(ctx.get(), part.data(), part.size()) == 1);
  }
  return sha256_finish(ctx.get());
}

std::string hmac_sha256(std::string_view key, std::string_view bytes) {
  std::string mac(kHashBytes, '\0');
  unsigned size = 0;
  require(HMAC(sha256_algorithm(), key.data(), static_cast<int>(key.size()), as_u8(bytes), bytes.size(), as_u8(mac), &size) != nullptr);
  return mac;
}

bool equal_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void wipe(std::string& secret) {
  OPENSSL_cleanse(secret.data(), secret.size());
  secret.clear();
}

std::string hkdf_extract(std::string_view salt, std::string_view secret) { return hmac_sha256(salt, secret); }

std::string hkdf_expand(std::string_view prk, std::string_view info, std::size_t bytes) {
  std::string out;
  std::string block;
  for (char counter = 1; out.size() < bytes; ++counter) {
    block.append(info);
    block.push_back(counter);
    block = hmac_sha256(prk, block);
    out += block;
  }
  wipe(block);
  out.resize(bytes);
  return out;
}

struct SigningKey::Native {
  PkeyPtr key;
};

SigningKey::SigningKey(std::shared_ptr<const Native> native)
    : native_(std::move(native)), public_key_(raw_public_key(native_->key.get())) {}

SigningKey SigningKey::generate() { return SigningKey(std::make_shared<const Native>(Native{generate_key(EVP_PKEY_ED25519)})); }

Result<SigningKey> SigningKey::from_seed(std::string_view seed) {
  if (seed.size() != kKeyBytes) return fail(Code::kInvalid, "an Ed25519 key has 32 bytes");
  PkeyPtr key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, as_u8(seed), seed.size()));
  require(key != nullptr);
  return SigningKey(std::make_shared<const Native>(Native{std::move(key)}));
}

std::string SigningKey::seed() const {
  std::string bytes(kKeyBytes, '\0');
  std::size_t size = bytes.size();
  require(EVP_PKEY_get_raw_private_key(native_->key.get(), as_u8(bytes), &size) == 1);
  return bytes;
}

std::string SigningKey::sign(std::string_view message) const {
  const MdCtxPtr ctx(EVP_MD_CTX_new());
  std::string signature(kSignatureBytes, '\0');
  std::size_t size = signature.size();
  require(ctx && EVP_DigestSignInit(ctx.get(), nullptr, nullptr, nullptr, native_->key.get()) == 1);
  require(EVP_DigestSign(ctx.get(), as_u8(signature), &size, as_u8(message), message.size()) == 1);
  return signature;
}

bool verify_signature(std::string_view public_key, std::string_view message, std::string_view signature) {
  if (public_key.size() != kKeyBytes || signature.size() != kSignatureBytes) return false;
  const PkeyPtr key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, as_u8(public_key), public_key.size()));
  const MdCtxPtr ctx(EVP_MD_CTX_new());
  if (!key || !ctx || EVP_DigestVerifyInit(ctx.get(), nullptr, nullptr, nullptr, key.get()) != 1) return false;
  return EVP_DigestVerify(ctx.get(), as_u8(signature), signature.size(), as_u8(message), message.size()) == 1;
}

std::string fingerprint(std::string_view public_key) { return to_colon_hex(sha256(public_key)); }

struct AgreementKey::Native {
  PkeyPtr key;
};

AgreementKey::AgreementKey(std::shared_ptr<const Native> native)
    : native_(std::move(native)), public_key_(raw_public_key(native_->key.get())) {}

AgreementKey AgreementKey::generate() { return AgreementKey(std::make_shared<const Native>(Native{generate_key(EVP_PKEY_X25519)})); }

AgreementKey AgreementKey::from_seed(std::string_view seed) {
  PkeyPtr key(EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr, as_u8(seed), seed.size()));
  require(key != nullptr);
  return AgreementKey(std::make_shared<const Native>(Native{std::move(key)}));
}

Result<std::string> AgreementKey::agree(std::string_view peer_public_key) const {
  const auto refused = [] { return fail(Code::kInvalid, "the peer's ephemeral key is not usable"); };
  const PkeyPtr peer(EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, as_u8(peer_public_key), peer_public_key.size()));
  if (!peer) return refused();
  const PkeyCtxPtr ctx(EVP_PKEY_CTX_new(native_->key.get(), nullptr));
  require(ctx && EVP_PKEY_derive_init(ctx.get()) == 1);
  std::string secret(kKeyBytes, '\0');
  std::size_t size = secret.size();
  if (EVP_PKEY_derive_set_peer(ctx.get(), peer.get()) != 1) return refused();
  // RFC 7748 section 6.1: OpenSSL fails on the all-zero secret; judged here as well, not to depend on it.
  if (EVP_PKEY_derive(ctx.get(), as_u8(secret), &size) != 1 || size != kKeyBytes) return refused();
  if (equal_constant_time(secret, std::string(kKeyBytes, '\0'))) return refused();
  return secret;
}

struct Aead::Native {
  std::string key;
  CipherCtxPtr sealing;
  CipherCtxPtr opening;
  ~Native() { wipe(key); }
};

Aead::Aead(std::string_view key) : native_(std::make_unique<Native>()) {
  require(key.size() == kKeyBytes);
  native_->key = key;
}
Aead::~Aead() = default;
Aead::Aead(Aead&&) noexcept = default;
Aead& Aead::operator=(Aead&&) noexcept = default;

void Aead::seal(std::string_view iv, std::string_view aad, std::string_view plain, std::string& out) {
  require(iv.size() == kIvBytes);
  if (!native_->sealing) {
    native_->sealing.reset(EVP_CIPHER_CTX_new());
    require(EVP_EncryptInit_ex(native_->sealing.get(), EVP_aes_256_gcm(), nullptr, as_u8(native_->key), nullptr) == 1);
  }
  EVP_CIPHER_CTX* ctx = native_->sealing.get();
  require(EVP_EncryptInit_ex(ctx, nullptr, nullptr, nullptr, as_u8(iv)) == 1);
  int size = 0;
  require(EVP_EncryptUpdate(ctx, nullptr, &size, as_u8(aad), static_cast<int>(aad.size())) == 1);
  const std::size_t start = out.size();
  out.resize(start + plain.size() + kTagBytes);
  std::uint8_t* target = as_u8(out) + start;
  require(EVP_EncryptUpdate(ctx, target, &size, as_u8(plain), static_cast<int>(plain.size())) == 1);
  require(EVP_EncryptFinal_ex(ctx, target + size, &size) == 1);
  require(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, kTagBytes, target + plain.size()) == 1);
}

Result<std::string> Aead::open(std::string_view iv, std::string_view aad, std::string_view sealed) {
  const auto altered = [] { return fail(Code::kCorrupt, "a sealed message was altered"); };
  if (sealed.size() < kTagBytes || iv.size() != kIvBytes) return altered();
  if (!native_->opening) {
    native_->opening.reset(EVP_CIPHER_CTX_new());
    require(EVP_DecryptInit_ex(native_->opening.get(), EVP_aes_256_gcm(), nullptr, as_u8(native_->key), nullptr) == 1);
  }
  EVP_CIPHER_CTX* ctx = native_->opening.get();
  require(EVP_DecryptInit_ex(ctx, nullptr, nullptr, nullptr, as_u8(iv)) == 1);
  const std::string_view body = sealed.substr(0, sealed.size() - kTagBytes);
  std::string tag(sealed.substr(body.size()));
  std::string plain(body.size(), '\0');
  int size = 0;
  require(EVP_DecryptUpdate(ctx, nullptr, &size, as_u8(aad), static_cast<int>(aad.size())) == 1);
  require(EVP_DecryptUpdate(ctx, as_u8(plain), &size, as_u8(body), static_cast<int>(body.size())) == 1);
  require(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, kTagBytes, tag.data()) == 1);
  if (EVP_DecryptFinal_ex(ctx, as_u8(plain) + size, &size) != 1) return altered();
  return plain;
}

}  // namespace brine::net
