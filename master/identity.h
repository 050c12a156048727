// What a master is: its own key, the cluster's root key if it lies here, and the manifest that names it.
//
// pki_dir holds, all 0600: root.key (may be taken offline), master.key; and root.pub, master.pub, manifest. A single master makes
// all of it on its first start. The manifest is renewed while root.key is here and half of its life is over; one that the root has signed
// elsewhere is taken when it is put in the place of the old one.
// With other masters, the manifest lies in the store they share too; a master that is new asks there to be added.
// Used at start, and under one lock afterwards.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "net/crypto.h"
#include "net/handshake.h"
#include "net/trust.h"

namespace brine::master {

// Where the masters of a cluster find each other's manifest: the shared store.
class SharedManifest {
 public:
  virtual ~SharedManifest() = default;
  virtual Result<std::string> read() = 0;  // empty: there is none yet
  // True for one master of those that find none: it makes the cluster's root.
  virtual Result<bool> may_found(const std::string& public_key) = 0;
  // For the operator who adds masters.
  virtual Status ask_to_join(const wire::Member& self) = 0;
};

class Identity {
 public:
  // shared null: this master is alone. kBusy: it is not in the manifest (yet); it has asked to join, and may be opened again later.
  static Result<Identity> open(const std::string& pki_dir, const std::string& master_id, int manifest_days, const Clock& clock,
                               SharedManifest* shared = nullptr);

  const net::SigningKey& key() const { return key_; }
  const net::AgreementKey& wrap_key() const { return wrap_key_; }
  const std::string& root_public_key() const { return manifest_.root; }
  const wire::Manifest& manifest() const { return manifest_; }
  // What the front shows to minions.
  std::shared_ptr<const net::ServerIdentity> server_identity() const;

  // Takes a newer manifest that lies in pki_dir now, or renews the one that is held. True: it is a new one. An error when what lies there
  // cannot be used, or when the manifest has ended and the root key is not here; the old one stays in force then.
  Result<bool> refresh(const Clock& clock);
  // The manifest that the masters share: taken, and kept in pki_dir, when it is newer. True: it was.
  Result<bool> take_shared(const std::string& signed_manifest);
  const std::string& signed_manifest() const { return signed_manifest_; }

  // A new manifest, signed with root.key, which must be here. A member of the same name is replaced and its key revoked.
  Status add_master(const wire::Member& member, const Clock& clock);
  Status remove_master(const std::string& name, const Clock& clock);
  // The syndics that the manifest is to name: id -> key. True: it is a new manifest. kDenied: that needs root.key, which is not here.
  Result<bool> set_syndics(const std::map<std::string, std::string>& syndics, const Clock& clock);
  wire::Member self() const;

 private:
  Identity(std::string pki_dir, std::string master_id, int manifest_days, net::SigningKey key);

  Status found_cluster(const Clock& clock);
  Status join(const std::string& signed_manifest, SharedManifest& shared);
  Status revise(const Clock& clock, const std::function<Status(wire::Manifest&)>& change);
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
