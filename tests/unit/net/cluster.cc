#include "tests/unit/net/cluster.h"

#include "wire/frame.h"

namespace brine::net {

SigningKey key_of(char fill) { return SigningKey::from_seed(std::string(kKeyBytes, fill)).value(); }

Cluster::Cluster(char root_fill) : root(key_of(root_fill)) {}

wire::Manifest Cluster::manifest() const {
  wire::Manifest m;
  m.root = root.public_key();
  m.epoch = 5;
  m.issued = kNow - 12 * kHour;
  m.not_after = kNow + 12 * kHour;
  m.members = {{master.public_key(), std::string(kKeyBytes, 'w'), wire::Role::kMaster, "master", 1, m.not_after},
               {syndic.public_key(), std::string(kKeyBytes, 'v'), wire::Role::kSyndic, "syndic", 2, m.not_after}};
  return m;
}

std::string Cluster::signed_by_root(const wire::Manifest& manifest) const { return encode(sign_manifest(root, manifest)); }

std::string Cluster::cluster_root() const { return sha256(root.public_key()); }

std::shared_ptr<const ServerIdentity> Cluster::identity(const SigningKey& key) const {
  return std::make_shared<const ServerIdentity>(ServerIdentity{key, cluster_root(), signed_manifest(), manifest().epoch});
}

wire::Job Cluster::job() const {
  wire::Job job;
  job.cluster_root = cluster_root();
  job.jid = job_id_at(kNow);
  job.manifest_epoch = 5;
  job.signer = master.public_key();
  job.function = "test.ping";
  job.arguments = R"({"args": [], "kwargs": {}})";
  job.target_kind = "glob";
  job.target = "*";
  job.expected_root = std::string(kHashBytes, 'e');
  job.expected_count = 1;
  job.issued = kNow;
  job.not_after = kNow + kHour;
  return job;
}

wire::SignedJob signed_with(const SigningKey& key, const wire::Job& job) {
  const std::string bytes = encode(job);
  return {bytes, sign_job(key, bytes)};
}

std::string body_of(std::string_view frame, wire::FrameType type) {
  const auto parsed = wire::parse_frame(frame);
  return parsed && parsed->type == type ? std::string(parsed->body) : std::string();
}

}  // namespace brine::net
