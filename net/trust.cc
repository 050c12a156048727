#include "net/trust.h"

#include <algorithm>

namespace brine::net {
namespace {

std::string in_domain(std::string_view domain, std::string_view bytes) {
  std::string text(domain);
  text.push_back('\0');
  text += bytes;
  return text;
}

constexpr std::string_view kManifestDomain = "brine-manifest-v1";
constexpr std::string_view kJobDomain = "brine-job-v1";

}  // namespace

wire::SignedManifest sign_manifest(const SigningKey& root, const wire::Manifest& manifest) {
  wire::SignedManifest result;
  result.manifest = encode(manifest);
  result.signature = root.sign(in_domain(kManifestDomain, result.manifest));
  return result;
}

Result<wire::Manifest> verify_manifest(const wire::SignedManifest& manifest) {
  BRINE_LET(wire::Manifest inside, wire::decode_manifest(manifest.manifest));
  if (!verify_signature(inside.root, in_domain(kManifestDomain, manifest.manifest), manifest.signature))
    return fail(Code::kDenied, "the manifest is not signed by its root");
  return inside;
}

std::string sign_job(const SigningKey& master, std::string_view job_bytes) { return master.sign(in_domain(kJobDomain, job_bytes)); }

Result<bool> Trust::admit(std::string_view signed_manifest, UnixMicros wall_now) {
  BRINE_LET(const wire::SignedManifest outer, wire::decode_signed_manifest(signed_manifest));
  BRINE_LET(wire::Manifest fresh, verify_manifest(outer));
  if (!root_key_.empty() && fresh.root != root_key_)
    return fail(Code::kDenied, "the master belongs to another cluster: its root is " + fingerprint(fresh.root) + ", the pinned one is " +
                                   fingerprint(root_key_));
  if (root_key_.empty() && !root_fingerprint_.empty() && fingerprint(fresh.root) != root_fingerprint_)
    return fail(Code::kDenied,
                "the master's root key has the fingerprint " + fingerprint(fresh.root) + ", but master_finger is " + root_fingerprint_);
  if (fresh.epoch < epoch()) return fail(Code::kDenied, "the master shows an outdated manifest");
  if (fresh.not_after < std::max(wall_now, manifest_ ? manifest_->issued : 0))
    return fail(Code::kDenied, "the master's manifest has expired; renew it on the master, and check the clocks");
  const bool newer = !manifest_ || fresh.epoch > manifest_->epoch;
  root_key_ = fresh.root;
  manifest_ = std::move(fresh);
  return newer;
}

std::string Trust::cluster_root() const { return root_key_.empty() ? std::string() : sha256(root_key_); }

bool Trust::speaks(std::string_view public_key, wire::Role role, UnixMicros wall_now) const {
  if (!manifest_ || manifest_->not_after < wall_now) return false;
  const auto& revoked = manifest_->revoked;
  return std::any_of(manifest_->members.begin(), manifest_->members.end(), [&](const wire::Member& member) {
    return member.public_key == public_key && member.role == role && member.not_after >= wall_now &&
           std::find(revoked.begin(), revoked.end(), member.serial) == revoked.end();
  });
}

Result<wire::Job> Trust::verify_job(const wire::SignedJob& job, UnixMicros wall_now) const {
  BRINE_LET(wire::Job inside, wire::decode_job(job.job));
  if (inside.cluster_root != cluster_root()) return fail(Code::kDenied, "the job belongs to another cluster");
  if (!speaks(inside.signer, wire::Role::kMaster, wall_now)) return fail(Code::kDenied, "the job's signer is not a master of this cluster");
  if (!verify_signature(inside.signer, in_domain(kJobDomain, job.job), job.signature))
    return fail(Code::kDenied, "the job's signature does not fit");
  return inside;
}

}  // namespace brine::net
