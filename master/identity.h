// What a master is: its own key, the cluster's root key if it lies here, and the manifest that names it.
//
// pki_dir holds, all 0600: root.key (may be taken offline), master.key; and root.pub, master.pub, manifest. A single master makes
// all of it on its first start. The manifest is renewed while root.key is here and half of its life is over; one that the root has signed
// elsewhere is taken when it is put in the place of the old one.
// Used at start, and by the master's main thread for renewal.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "net/crypto.h"
#include "net/handshake.h"
#include "net/trust.h"

namespace brine::master {

class Identity {
 public:
  static Result<Identity> open(const std::string& pki_dir, const std::string& master_id, int manifest_days, const Clock& clock);

  const net::SigningKey& key() const { return key_; }
  const net::AgreementKey& wrap_key() const { return wrap_key_; }
  const std::string& root_public_key() const { return manifest_.root; }
  const wire::Manifest& manifest() const { return manifest_; }
  // What the front shows to minions.
  std::shared_ptr<const net::ServerIdentity> server_identity() const;

  // Takes a newer manifest that lies in pki_dir now, or renews the one that is held. True: it is a new one. An error when what lies there
  // cannot be used, or when the manifest has ended and the root key is not here; the old one stays in force then.
  Result<bool> refresh(const Clock& clock);

 private:
  Identity(std::string pki_dir, std::string master_id, int manifest_days, net::SigningKey key);

  Status found_cluster(const Clock& clock);
  Status take(std::string signed_manifest);
  Result<bool> take_newer();
  Result<bool> renew_if_due(const Clock& clock);
  Status make_manifest(const net::SigningKey& root, const Clock& clock);
  Result<std::optional<net::SigningKey>> root_key() const;

  std::string pki_dir_;
  std::string master_id_;
  int manifest_days_;
  net::SigningKey key_;
  net::AgreementKey wrap_key_;
  wire::Manifest manifest_;
  std::string signed_manifest_;
};

}  // namespace brine::master
