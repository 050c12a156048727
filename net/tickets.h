// Resumption tickets and admission cookies: sealed by the master for itself, opaque to minions.
//
// A ticket lets a minion that held a session come back without signatures; a cookie only says "this holder once had an accepted
// key" and chooses the admission lane. Both are sealed under ticket keys: the current one, and earlier ones for as long as tickets
// under them may live. Ticket keys lie in the store only wrapped (X25519 to the master's wrap key).
// Thread-safe.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "net/crypto.h"

namespace brine::net {

struct TicketContent {
  MinionId id;
  std::string key_hash;           // SHA-256 of the minion's public key
  std::uint64_t key_version = 0;  // of its key record: any change to the key voids the ticket
  std::uint64_t manifest_epoch = 0;
  UnixMicros issued = 0;
  milliseconds life{0};
  std::string resumption_secret;
};

class TicketKeeper {
 public:
  explicit TicketKeeper(milliseconds life) : life_(life) {}

  // Draws a new key; older ones stay usable for opening.
  void rotate(UnixMicros now);
  // Rotates when the current key is older than a ticket's life; true if it did.
  bool rotate_if_due(UnixMicros now);

  std::string seal(const TicketContent& content);
  // kInvalid: not ours, altered, expired, or under a forgotten key.
  Result<TicketContent> open(std::string_view ticket, UnixMicros now);

  std::string make_cookie(const MinionId& id);
  bool knows_cookie(std::string_view cookie);

  // All keys, wrapped for the holder of this X25519 key, and back.
  std::string wrap(std::string_view wrap_public_key) const;
  Status unwrap(const AgreementKey& wrap_key, std::string_view wrapped);

  bool has_key() const;

  milliseconds life() const { return life_; }

 private:
  struct Key {
    std::string name;  // 8 bytes, in front of every ticket
    std::string secret;
    UnixMicros since = 0;
    std::optional<Aead> aead;
  };
  std::string seal_text(char kind, std::string_view text);
  Result<std::string> open_text(char kind, std::string_view sealed);

  const milliseconds life_;
  mutable std::mutex mutex_;
  std::vector<Key> keys_;  // guarded by mutex_; newest first
};

}  // namespace brine::net
