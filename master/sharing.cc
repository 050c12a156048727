#include "master/sharing.h"

#include "base/bytes.h"

namespace brine::master {
namespace {

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

void share_ticket_keys(const net::TicketKeeper& tickets, const wire::Manifest& manifest, engine::Ledger& ledger) {
  for (const wire::Member& member : manifest.members) {
    if (member.role == wire::Role::kMaster) ledger.keep_setting(ticket_keys_setting(member.name), tickets.wrap(member.wrap_key));
  }
}

}  // namespace brine::master
