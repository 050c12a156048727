// What masters of one cluster leave for each other among the settings of the shared store: the manifest, requests to join, ticket keys
// wrapped for each, who drains. None of it has authority by lying there: manifests are signed by the root, ticket keys by the master that
// shares them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/ledger.h"
#include "engine/ports.h"
#include "master/identity.h"
#include "net/tickets.h"
#include "store/shared_store.h"

namespace brine::master {

inline constexpr const char* kManifestSetting = "manifest";

class StoreManifest final : public SharedManifest {
 public:
  explicit StoreManifest(store::SharedStore& store) : store_(store) {}

  Result<std::string> read() override;
  Result<bool> may_found(const std::string& public_key) override;
  Status ask_to_join(const wire::Member& self) override;

  // What a master of this name has asked with. kNotFound: none has.
  Result<wire::Member> request_of(const std::string& name);

 private:
  store::SharedStore& store_;
};

std::string ticket_keys_setting(const std::string& master);
std::string drain_setting(const std::string& master);

// Wraps the ticket keys for every master of the manifest, and signs: whoever can write the store must not choose them.
std::string sign_ticket_keys(const std::string& master, const std::string& wrapped, engine::Notary& notary);
void share_ticket_keys(const net::TicketKeeper& tickets, const wire::Manifest& manifest, engine::Notary& notary, engine::Ledger& ledger);
// The wrapped keys in what was shared for this master. kDenied: no master of the manifest has signed it.
Result<std::string> open_shared_ticket_keys(const std::string& master, std::string_view shared, const engine::Notary& notary);

}  // namespace brine::master
