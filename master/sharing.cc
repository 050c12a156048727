#include "master/sharing.h"

#include "base/bytes.h"

namespace brine::master {
namespace {

constexpr std::size_t kSignatureBytes = 64;

std::string ticket_keys_text(const std::string& master, std::string_view wrapped) {
  std::string text("brine-ticket-keys-v1");
  text += '\0' + master + '\0';
  return text += wrapped;
}

std::string join_setting(const std::string& name) { return "join:" + name; }

Status write(store::SharedStore& store, const std::string& name, const std::string& value) {
  store::Batch batch;
  batch.settings[name] = value;
  BRINE_TRY(store.commit(batch));
  return {};
}

}  // namespace

Result<std::string> StoreManifest::read() {
  BRINE_LET(const auto manifest, store_.setting(kManifestSetting));
  return manifest.value_or("");
}

Result<bool> StoreManifest::may_found(const std::string& public_key) {
  const std::string mine = to_hex(public_key);
  BRINE_LET(const std::string founder, store_.claim_setting("founder", mine));
  return founder == mine;
}

// Public keys: 32 bytes each, one after the other.
Status StoreManifest::ask_to_join(const wire::Member& self) {
  return write(store_, join_setting(self.name), self.public_key + self.wrap_key);
}

Result<wire::Member> StoreManifest::request_of(const std::string& name) {
  BRINE_LET(const auto keys, store_.setting(join_setting(name)));
  if (!keys || keys->size() != 2 * net::kKeyBytes)
    return fail(Code::kNotFound, "no master '" + name + "' has asked to join: start it first, with this store and an empty pki_dir");
  wire::Member member;
  member.name = name;
  member.public_key = keys->substr(0, net::kKeyBytes);
  member.wrap_key = keys->substr(net::kKeyBytes);
  member.serial = net::random_u64();
  return member;
}

std::string ticket_keys_setting(const std::string& master) { return "ticket_keys:" + master; }
std::string drain_setting(const std::string& master) { return "drain:" + master; }

// Signer (32 bytes), signature (64), wrapped keys.
std::string sign_ticket_keys(const std::string& master, const std::string& wrapped, engine::Notary& notary) {
  std::string signer, signature;
  notary.sign_key(ticket_keys_text(master, wrapped), signer, signature);
  return signer + signature + wrapped;
}

void share_ticket_keys(const net::TicketKeeper& tickets, const wire::Manifest& manifest, engine::Notary& notary, engine::Ledger& ledger) {
  for (const wire::Member& member : manifest.members) {
    if (member.role == wire::Role::kMaster)
      ledger.keep_setting(ticket_keys_setting(member.name), sign_ticket_keys(member.name, tickets.wrap(member.wrap_key), notary));
  }
}

Result<std::string> open_shared_ticket_keys(const std::string& master, std::string_view shared, const engine::Notary& notary) {
  if (shared.size() <= net::kKeyBytes + kSignatureBytes) return fail(Code::kCorrupt, "not shared ticket keys");
  const std::string signer(shared.substr(0, net::kKeyBytes));
  const std::string signature(shared.substr(net::kKeyBytes, kSignatureBytes));
  std::string wrapped(shared.substr(net::kKeyBytes + kSignatureBytes));
  if (!notary.verify_key(ticket_keys_text(master, wrapped), signer, signature))
    return fail(Code::kDenied, "they are not signed by a master of this cluster");
  return wrapped;
}

}  // namespace brine::master
