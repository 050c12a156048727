// Who may speak for the cluster: the root key that is pinned, and the highest manifest it has signed.
//
// Immutable snapshots are handed out; the object itself is confined to its owner's loop.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "net/crypto.h"
#include "wire/handshake.h"
#include "wire/job.h"

namespace brine::net {

// Signs with the domain "brine-manifest-v1".
wire::SignedManifest sign_manifest(const SigningKey& root, const wire::Manifest& manifest);
// Judges the signature, not the time. The root is the one inside; the caller decides whether it trusts it.
Result<wire::Manifest> verify_manifest(const wire::SignedManifest& manifest);

std::string sign_job(const SigningKey& master, std::string_view job_bytes);

class Trust {
 public:
  // root_fingerprint: text of master_finger, or empty: the first root seen is trusted.
  explicit Trust(std::string root_fingerprint) : root_fingerprint_(std::move(root_fingerprint)) {}

  // Takes a manifest (an encoded SignedManifest) if its root is the pinned one, it is not older than the one held, and it is valid
  // at wall_now. True: it is newer than the one held and should be kept on disk. kDenied with the reason otherwise.
  Result<bool> admit(std::string_view signed_manifest, UnixMicros wall_now);

  bool has_root() const { return manifest_.has_value(); }
  // SHA-256 of the root key; empty before the first manifest.
  std::string cluster_root() const;
  std::uint64_t epoch() const { return manifest_ ? manifest_->epoch : 0; }
  const std::string& root_key() const { return root_key_; }

  // A member in this role whose serial is not revoked and whose time has not passed.
  bool speaks(std::string_view public_key, wire::Role role, UnixMicros wall_now) const;

  // The job inside, if a master of the manifest signed it for this cluster. kDenied otherwise.
  Result<wire::Job> verify_job(const wire::SignedJob& job, UnixMicros wall_now) const;

 private:
  std::string root_fingerprint_;
  std::string root_key_;
  std::optional<wire::Manifest> manifest_;
};

}  // namespace brine::net
