#include "master/notary.h"

#include <algorithm>

#include "wire/job.h"

namespace brine::master {

MasterNotary::MasterNotary(const Identity& identity, front::LoopGateway& gateway)
    : key_(identity.key()), cluster_root_(net::sha256(identity.root_public_key())), gateway_(gateway) {
  manifest_renewed(identity.manifest());
}

void MasterNotary::manifest_renewed(const wire::Manifest& manifest) { manifest_ = std::make_shared<const wire::Manifest>(manifest); }

Status MasterNotary::sign_job(store::JobRecord& job) {
  net::MerkleTree tree(job.expected);
  wire::Job signed_job;
  signed_job.cluster_root = cluster_root_;
  signed_job.jid = job.jid;
  signed_job.manifest_epoch = manifest_.load()->epoch;
  signed_job.signer = key_.public_key();
  signed_job.function = job.function;
  signed_job.arguments = job.arguments;
  signed_job.target_kind = job.target_kind;
  signed_job.target = job.target;
  signed_job.delimiter = job.delimiter;
  signed_job.expected_root = std::string(tree.root());
  signed_job.expected_count = static_cast<std::uint32_t>(job.expected.size());
  signed_job.issued = job.issued;
  signed_job.not_after = job.not_after;
  signed_job.timeout = job.timeout;
  job.signed_job = encode(signed_job);
  job.signature = net::sign_job(key_, job.signed_job);
  gateway_.prepare(job, std::move(tree));
  return {};
}

void MasterNotary::sign_key(std::string_view text, std::string& signer, std::string& signature) {
  signer = key_.public_key();
  signature = key_.sign(text);
}

bool MasterNotary::verify_key(std::string_view text, const std::string& signer, const std::string& signature) const {
  const auto manifest = manifest_.load();
  const bool member = std::any_of(manifest->members.begin(), manifest->members.end(), [&](const wire::Member& m) {
    return m.public_key == signer && m.role == wire::Role::kMaster &&
           std::find(manifest->revoked.begin(), manifest->revoked.end(), m.serial) == manifest->revoked.end();
  });
  if (!member) return false;
  // Ed25519 signatures are deterministic (RFC 8032 section 5.1.6): making one's own again costs a third of verifying it, and a start
  // looks at every key.
  if (signer == key_.public_key()) return net::equal_constant_time(key_.sign(text), signature);
  return net::verify_signature(signer, text, signature);
}

bool MasterNotary::fits(const JoinToken& token, std::string_view hash) const { return net::equal_constant_time(hash_of(token), hash); }

std::string hash_of(const JoinToken& token) { return net::sha256("brine-token-v1|" + token.text()); }

}  // namespace brine::master
