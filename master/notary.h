// Signs in the name of this master: jobs (with the Merkle root of the expected minions) and key records.
// Thread-safe; the manifest's epoch is replaced when it is renewed.
#pragma once

#include <atomic>

#include "engine/ports.h"
#include "front/gateway.h"
#include "master/identity.h"

namespace brine::master {

class MasterNotary final : public engine::Notary {
 public:
  MasterNotary(const Identity& identity, front::LoopGateway& gateway);

  Status sign_job(store::JobRecord& job) override;
  void sign_key(std::string_view text, std::string& signer, std::string& signature) override;
  bool verify_key(std::string_view text, const std::string& signer, const std::string& signature) const override;
  bool fits(const JoinToken& token, std::string_view hash) const override;

  void manifest_renewed(const wire::Manifest& manifest);

 private:
  const net::SigningKey key_;
  const std::string cluster_root_;
  front::LoopGateway& gateway_;
  std::atomic<std::shared_ptr<const wire::Manifest>> manifest_;
};

// What is kept of the secret of a join token: SHA-256 over it and its id.
std::string hash_of(const JoinToken& token);

}  // namespace brine::master
