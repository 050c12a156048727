#include "net/tickets.h"

#include <algorithm>

#include "base/bytes.h"

namespace brine::net {
namespace {

constexpr std::size_t kNameBytes = 8;
constexpr std::size_t kMaxKeys = 32;
constexpr char kTicket = 'T';
constexpr char kCookie = 'C';

UnixMicros in_micros(milliseconds duration) { return duration.count() * 1000; }

std::string wrap_key_for(const std::string& shared, std::string_view ephemeral, std::string_view recipient) {
  return hkdf_expand(hkdf_extract("brine-v1 wrap", shared), std::string(ephemeral) + std::string(recipient), kKeyBytes);
}

}  // namespace

void TicketKeeper::rotate(UnixMicros now) {
  std::lock_guard lock(mutex_);
  keys_.insert(keys_.begin(), Key{random_bytes(kNameBytes), random_bytes(kKeyBytes), now, std::nullopt});
  // A cookie may be as old as the oldest key kept; a ticket's own time is inside it.
  if (keys_.size() > kMaxKeys) keys_.resize(kMaxKeys);
}

bool TicketKeeper::rotate_if_due(UnixMicros now) {
  {
    std::lock_guard lock(mutex_);
    if (!keys_.empty() && now - keys_.front().since < in_micros(life_) && now >= keys_.front().since) return false;
  }
  rotate(now);
  return true;
}

std::string TicketKeeper::seal_text(char kind, std::string_view text) {
  std::lock_guard lock(mutex_);
  Key& key = keys_.front();
  if (!key.aead) key.aead.emplace(key.secret);
  const std::string iv = random_bytes(kIvBytes);
  std::string sealed = key.name + iv;
  key.aead->seal(iv, std::string(1, kind), text, sealed);
  return sealed;
}

Result<std::string> TicketKeeper::open_text(char kind, std::string_view sealed) {
  if (sealed.size() < kNameBytes + kIvBytes + kTagBytes) return fail(Code::kInvalid, "not a ticket");
  std::lock_guard lock(mutex_);
  const auto key = std::find_if(keys_.begin(), keys_.end(), [&](const Key& k) { return k.name == sealed.substr(0, kNameBytes); });
  if (key == keys_.end()) return fail(Code::kInvalid, "a ticket under an unknown key");
  if (!key->aead) key->aead.emplace(key->secret);
  return key->aead->open(sealed.substr(kNameBytes, kIvBytes), std::string(1, kind), sealed.substr(kNameBytes + kIvBytes));
}

std::string TicketKeeper::seal(const TicketContent& content) {
  std::string text;
  append_le(text, content.key_version);
  append_le(text, content.manifest_epoch);
  append_le(text, content.issued);
  append_le(text, static_cast<std::uint64_t>(content.life.count()));
  text += content.key_hash;
  text += content.resumption_secret;
  text += content.id.str();
  std::string sealed = seal_text(kTicket, text);
  wipe(text);
  return sealed;
}

Result<TicketContent> TicketKeeper::open(std::string_view ticket, UnixMicros now) {
  BRINE_LET(std::string text, open_text(kTicket, ticket));
  constexpr std::size_t kFixed = 32 + kHashBytes + kKeyBytes;
  if (text.size() <= kFixed) return fail(Code::kInvalid, "not a ticket");
  const std::string_view view = text;
  TicketContent content;
  content.key_version = read_le<std::uint64_t>(view);
  content.manifest_epoch = read_le<std::uint64_t>(view.substr(8));
  content.issued = read_le<UnixMicros>(view.substr(16));
  content.life = milliseconds(read_le<std::int64_t>(view.substr(24)));
  content.key_hash = view.substr(32, kHashBytes);
  content.resumption_secret = view.substr(32 + kHashBytes, kKeyBytes);
  BRINE_LET(content.id, MinionId::parse(view.substr(kFixed)));
  wipe(text);
  if (now < content.issued || now - content.issued > in_micros(content.life)) return fail(Code::kInvalid, "the ticket has expired");
  return content;
}

std::string TicketKeeper::make_cookie(const MinionId& id) { return seal_text(kCookie, sha256(id.str()).substr(0, 16)); }

bool TicketKeeper::knows_cookie(std::string_view cookie) { return open_text(kCookie, cookie).has_value(); }

bool TicketKeeper::has_key() const {
  std::lock_guard lock(mutex_);
  return !keys_.empty();
}

std::string TicketKeeper::wrap(std::string_view wrap_public_key) const {
  std::string text;
  {
    std::lock_guard lock(mutex_);
    for (const Key& key : keys_) {
      text += key.name;
      text += key.secret;
      append_le(text, key.since);
    }
  }
  const AgreementKey ephemeral = AgreementKey::generate();
  const auto shared = ephemeral.agree(wrap_public_key);
  if (!shared) return {};
  Aead aead(wrap_key_for(*shared, ephemeral.public_key(), wrap_public_key));
  std::string wrapped = ephemeral.public_key();
  aead.seal(std::string(kIvBytes, '\0'), "brine-v1 ticket keys", text, wrapped);
  wipe(text);
  return wrapped;
}

Status TicketKeeper::unwrap(const AgreementKey& wrap_key, std::string_view wrapped) {
  if (wrapped.size() < kKeyBytes + kTagBytes) return fail(Code::kCorrupt, "not wrapped ticket keys");
  const std::string_view ephemeral = wrapped.substr(0, kKeyBytes);
  BRINE_LET(const std::string shared, wrap_key.agree(ephemeral));
  Aead aead(wrap_key_for(shared, ephemeral, wrap_key.public_key()));
  BRINE_LET(std::string text, aead.open(std::string(kIvBytes, '\0'), "brine-v1 ticket keys", wrapped.substr(kKeyBytes)));
  constexpr std::size_t kEntry = kNameBytes + kKeyBytes + 8;
  std::lock_guard lock(mutex_);
  keys_.clear();
  for (std::string_view rest = text; rest.size() >= kEntry; rest.remove_prefix(kEntry))
    keys_.push_back(Key{std::string(rest.substr(0, kNameBytes)), std::string(rest.substr(kNameBytes, kKeyBytes)),
                        read_le<UnixMicros>(rest.substr(kNameBytes + kKeyBytes)), std::nullopt});
  wipe(text);
  return {};
}

}  // namespace brine::net
