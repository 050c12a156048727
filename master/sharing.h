// What masters of one cluster leave for each other among the settings of the shared store: the manifest, requests to join, ticket keys
// wrapped for each, who drains. None of it has authority: manifests are signed by the root, ticket keys are sealed.
#pragma once

#include <optional>
#include <string>

#include "engine/ledger.h"
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

// Wraps the ticket keys for every master of the manifest.
void share_ticket_keys(const net::TicketKeeper& tickets, const wire::Manifest& manifest, engine::Ledger& ledger);

}  // namespace brine::master
