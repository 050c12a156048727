// One session's two directions of sealed frames, on top of what a handshake derived.
//
// Sealed frame (after the frame header of wire/frame.h): u64 counter (little endian), then AES-256-GCM ciphertext and tag.
// IV = direction's iv XOR counter (big endian, right aligned, as RFC 8446 section 5.3). AAD = session id, direction, type, version.
// The counter of each direction starts at 0 and is exactly last + 1; anything else ends the session. Every kRekeyInterval frames
// the direction's key and iv move on: HKDF-Expand(key, "brine-v1 rekey", 44). At most 2^32 frames a direction.
// Confined to the owner's loop. Sealing happens in write order; a sealed frame that is not written means the session must end.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/crypto.h"
#include "wire/frame.h"

namespace brine::net {

inline constexpr std::uint64_t kRekeyInterval = 1U << 16;
inline constexpr std::size_t kSessionIdBytes = 16;

struct SessionKeys {
  std::string session_id;
  std::string minion_to_master_key;
  std::string minion_to_master_iv;
  std::string master_to_minion_key;
  std::string master_to_minion_iv;
  std::string resumption_secret;
};

enum class Side : std::uint8_t { kMinion, kMaster };

class SessionCipher {
 public:
  // rekey_interval differs from the default only in tests.
  SessionCipher(const SessionKeys& keys, Side side, std::uint64_t rekey_interval = kRekeyInterval);

  // A whole frame, header included. kFull when the session has to be renewed (2^32 frames).
  Result<std::string> seal(std::string_view plain);
  // The body of a frame of type kSealed. kCorrupt ends the session: wrong counter, altered, or not ours.
  Result<std::string> open(std::string_view frame_body);

  const std::string& session_id() const { return session_id_; }
  std::uint64_t sealed_count() const { return out_.counter; }

 private:
  struct Direction {
    Direction(std::string key_bytes, std::string iv_bytes, char mark)
        : key(std::move(key_bytes)), iv(std::move(iv_bytes)), label(mark), aead(key) {}
    std::string key;
    std::string iv;
    char label;
    Aead aead;
    std::uint64_t counter = 0;
  };

  std::string aad(const Direction& direction) const;
  void advance(Direction& direction) const;

  std::string session_id_;
  std::uint64_t rekey_interval_;
  Direction out_;
  Direction in_;
};

}  // namespace brine::net
