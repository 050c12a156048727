#include "master/identity.h"

#include <algorithm>

#include "base/file.h"
#include "base/log.h"
#include "net/key_files.h"

namespace brine::master {
namespace {

constexpr std::int64_t kDay = 86'400LL * 1'000'000;

std::string wrap_seed(const net::SigningKey& key) {
  std::string seed = key.seed();
  std::string derived = net::hkdf_expand(net::hkdf_extract("brine-v1 wrap key", seed), "x25519", net::kKeyBytes);
  net::wipe(seed);
  return derived;
}

bool is_master(const wire::Member& member, const std::string& name) { return member.role == wire::Role::kMaster && member.name == name; }

// Nobody wraps anything for a syndic: it has ticket keys of its own.
wire::Member syndic_member(const std::string& name, const std::string& key) {
  wire::Member member;
  member.public_key = key;
  member.wrap_key = std::string(net::kKeyBytes, '\0');
  member.role = wire::Role::kSyndic;
  member.name = name;
  member.serial = net::random_u64();
  return member;
}

}  // namespace

Identity::Identity(std::string pki_dir, std::string master_id, int manifest_days, net::SigningKey key)
    : pki_dir_(std::move(pki_dir)),
      master_id_(std::move(master_id)),
      manifest_days_(manifest_days),
      key_(std::move(key)),
      wrap_key_(net::AgreementKey::from_seed(wrap_seed(key_))) {}

Result<Identity> Identity::open(const std::string& pki_dir, const std::string& master_id, int manifest_days, const Clock& clock,
                                SharedManifest* shared) {
  BRINE_TRY(make_folders(pki_dir, 0700));
  BRINE_LET(net::SigningKey key, net::load_or_create_key(pki_dir, "master"));
  Identity identity(pki_dir, master_id, manifest_days, std::move(key));
  auto kept = read_file(pki_dir + "/manifest");
  std::string theirs;
  if (shared != nullptr) {
    BRINE_LET(theirs, shared->read());
  }
  if (!kept && kept.error().code == Code::kNotFound) {
    if (!theirs.empty()) {
      BRINE_TRY(identity.join(theirs, *shared));
      return identity;
    }
    if (shared != nullptr) {
      BRINE_LET(const bool founds, shared->may_found(identity.key_.public_key()));
      if (!founds) return fail(Code::kBusy, "another master is founding the cluster");
    }
    BRINE_TRY(identity.found_cluster(clock));
    return identity;
  }
  if (!kept) return std::unexpected(kept.error());
  BRINE_TRY(identity.take(std::move(*kept)));
  if (!theirs.empty()) BRINE_TRY(identity.take_shared(theirs));
  BRINE_TRY(identity.renew_if_due(clock));
  return identity;
}

// The root of the manifest in the store is believed here: a wrong one makes a master that no minion of the cluster follows.
Status Identity::join(const std::string& signed_manifest, SharedManifest& shared) {
  const auto outer = wire::decode_signed_manifest(signed_manifest);
  if (!outer) return fail(outer.error(), "the manifest in the store");
  BRINE_LET(const wire::Manifest manifest, net::verify_manifest(*outer));
  const auto& members = manifest.members;
  if (std::none_of(members.begin(), members.end(), [&](const wire::Member& m) { return m.public_key == key_.public_key(); })) {
    BRINE_TRY(shared.ask_to_join(self()));
    return fail(Code::kBusy, "this master is not one of the cluster's yet. Where root.key is, run: brine-key --master-add " + master_id_ +
                                 "   (fingerprint of its key: " + net::fingerprint(key_.public_key()) + ")");
  }
  BRINE_TRY(replace_file(pki_dir_ + "/manifest", signed_manifest, 0644));
  log::info("joins the cluster whose root has the fingerprint {}", net::fingerprint(manifest.root));
  return take(signed_manifest);
}

Result<bool> Identity::take_shared(const std::string& signed_manifest) {
  if (signed_manifest == signed_manifest_) return false;
  const auto outer = wire::decode_signed_manifest(signed_manifest);
  if (!outer) return fail(outer.error(), "the manifest in the store");
  BRINE_LET(const wire::Manifest manifest, net::verify_manifest(*outer));
  if (manifest.root != manifest_.root)
    return fail(Code::kDenied, "the masters that share this store have another root (" + net::fingerprint(manifest.root) +
                                   ") than this one: set another `cluster` or state.url, or start with an empty pki_dir to join them");
  if (manifest.epoch <= manifest_.epoch) return false;
  BRINE_TRY(take(signed_manifest));
  BRINE_TRY(replace_file(pki_dir_ + "/manifest", signed_manifest, 0644));
  log::info("took the manifest of the other masters: epoch {}", manifest_.epoch);
  return true;
}

wire::Member Identity::self() const {
  wire::Member member;
  member.public_key = key_.public_key();
  member.wrap_key = wrap_key_.public_key();
  member.name = master_id_;
  member.serial = net::random_u64();
  return member;
}

Status Identity::revise(const Clock& clock, const std::function<Status(wire::Manifest&)>& change) {
  BRINE_LET(const auto root, root_key());
  if (!root) return fail(Code::kDenied, "root.key is not in " + pki_dir_ + ": do this on the master that has it");
  const wire::Manifest before = manifest_;
  if (auto changed = change(manifest_); !changed) {
    manifest_ = before;
    return changed;
  }
  auto made = make_manifest(*root, clock);
  if (!made) manifest_ = before;
  return made;
}

Status Identity::add_master(const wire::Member& member, const Clock& clock) {
  return revise(clock, [&](wire::Manifest& manifest) -> Status {
    for (const wire::Member& known : manifest.members) {
      if (known.public_key == member.public_key)
        return fail(Code::kExists, "this key is a master of the cluster already, as " + known.name);
      if (is_master(known, member.name)) manifest.revoked.push_back(known.serial);
    }
    std::erase_if(manifest.members, [&](const wire::Member& known) { return is_master(known, member.name); });
    manifest.members.push_back(member);
    return {};
  });
}

Status Identity::remove_master(const std::string& name, const Clock& clock) {
  return revise(clock, [&](wire::Manifest& manifest) -> Status {
    const auto found =
        std::find_if(manifest.members.begin(), manifest.members.end(), [&](const wire::Member& m) { return is_master(m, name); });
    if (found == manifest.members.end()) return fail(Code::kNotFound, "there is no master '" + name + "' in the manifest");
    if (found->public_key == key_.public_key())
      return fail(Code::kInvalid, "this master cannot withdraw itself: do it on another one that has root.key");
    manifest.revoked.push_back(found->serial);
    manifest.members.erase(found);
    return {};
  });
}

Result<bool> Identity::set_syndics(const std::map<std::string, std::string>& syndics, const Clock& clock) {
  std::map<std::string, std::string> named;
  for (const wire::Member& member : manifest_.members) {
    if (member.role == wire::Role::kSyndic) named[member.name] = member.public_key;
  }
  if (named == syndics) return false;
  BRINE_TRY(revise(clock, [&](wire::Manifest& manifest) -> Status {
    std::erase_if(manifest.members, [&](const wire::Member& member) {
      if (member.role != wire::Role::kSyndic) return false;
      const auto wanted = syndics.find(member.name);
      const bool stays = wanted != syndics.end() && wanted->second == member.public_key;
      if (!stays) manifest.revoked.push_back(member.serial);
      return !stays;
    });
    for (const auto& [name, key] : syndics) {
      const auto known = named.find(name);
      if (known == named.end() || known->second != key) manifest.members.push_back(syndic_member(name, key));
    }
    return {};
  }));
  return true;
}

Status Identity::take(std::string signed_manifest) {
  const std::string path = pki_dir_ + "/manifest";
  const auto outer = wire::decode_signed_manifest(signed_manifest);
  if (!outer) return fail(outer.error(), path);
  auto manifest = net::verify_manifest(*outer);
  if (!manifest) return fail(manifest.error(), path);
  const bool holds_one = !manifest_.root.empty();
  if (holds_one && manifest->root != manifest_.root) return fail(Code::kDenied, path + " was signed by another root: it was not taken");
  if (holds_one && manifest->epoch <= manifest_.epoch)
    return fail(Code::kDenied, path + " is older than the manifest in force, or another one of its epoch: it was not taken");
  const auto& members = manifest->members;
  if (std::none_of(members.begin(), members.end(), [&](const wire::Member& m) { return m.public_key == key_.public_key(); }))
    return fail(Code::kDenied, pki_dir_ +
                                   "/master.key is not a master of this cluster: the manifest does not name it. Put the right key or the "
                                   "right manifest there, or have the root sign a new one");
  manifest_ = std::move(*manifest);
  signed_manifest_ = std::move(signed_manifest);
  return {};
}

Result<bool> Identity::refresh(const Clock& clock) {
  BRINE_LET(const bool taken, take_newer());
  BRINE_LET(const bool renewed, renew_if_due(clock));
  return taken || renewed;
}

Result<bool> Identity::take_newer() {
  BRINE_LET(std::string lying, read_file(pki_dir_ + "/manifest"));
  if (lying == signed_manifest_) return false;
  BRINE_TRY(take(std::move(lying)));
  log::info("took the manifest that was put into {}: epoch {}", pki_dir_, manifest_.epoch);
  return true;
}

// The first start of a cluster; or the second, if the first was killed before it had written the manifest.
Status Identity::found_cluster(const Clock& clock) {
  BRINE_LET(const auto kept, root_key());
  if (!kept && read_file(pki_dir_ + "/root.pub"))
    return fail(Code::kNotFound,
                pki_dir_ + " has a root.pub but neither manifest nor root.key: put the manifest back, or bring root.key to sign one");
  BRINE_LET(const net::SigningKey root, net::load_or_create_key(pki_dir_, "root"));
  BRINE_TRY(make_manifest(root, clock));
  log::info("made the cluster's root key; its fingerprint is {}", net::fingerprint(root.public_key()));
  return {};
}

Result<std::optional<net::SigningKey>> Identity::root_key() const {
  auto key = net::load_key(pki_dir_ + "/root.key");
  if (key) return std::optional(std::move(*key));
  if (key.error().code == Code::kNotFound) return std::optional<net::SigningKey>();
  return std::unexpected(key.error());
}

Status Identity::make_manifest(const net::SigningKey& root, const Clock& clock) {
  wire::Manifest fresh = manifest_;
  fresh.root = root.public_key();
  fresh.epoch = manifest_.epoch + 1;
  fresh.issued = clock.unix_now();
  fresh.not_after = fresh.issued + manifest_days_ * kDay;
  if (fresh.members.empty()) fresh.members.push_back(self());
  for (wire::Member& member : fresh.members) member.not_after = fresh.not_after;
  const std::string encoded = encode(net::sign_manifest(root, fresh));
  BRINE_TRY(replace_file(pki_dir_ + "/manifest", encoded, 0644));
  manifest_ = std::move(fresh);
  signed_manifest_ = encoded;
  return {};
}

Result<bool> Identity::renew_if_due(const Clock& clock) {
  const UnixMicros now = clock.unix_now();
  if (now < manifest_.issued + (manifest_.not_after - manifest_.issued) / 2) return false;
  BRINE_LET(const auto root, root_key());
  if (!root) {
    if (now < manifest_.not_after) return false;
    return fail(Code::kDenied, "the manifest has expired and the root key is not in " + pki_dir_ + ": bring root.key back to renew it");
  }
  if (root->public_key() != manifest_.root) return fail(Code::kDenied, pki_dir_ + "/root.key is not the root of the manifest beside it");
  BRINE_TRY(make_manifest(*root, clock));
  log::info("renewed the manifest: epoch {}", manifest_.epoch);
  return true;
}

std::shared_ptr<const net::ServerIdentity> Identity::server_identity() const {
  return std::make_shared<const net::ServerIdentity>(
      net::ServerIdentity{key_, net::sha256(manifest_.root), signed_manifest_, manifest_.epoch});
}

}  // namespace brine::master
