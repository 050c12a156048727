// The engine's way to the minions: hands work to the front that owns the session, on its loop.
// Thread-safe.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/ports.h"
#include "front/minion_front.h"
#include "front/prepared_jobs.h"

namespace brine::front {

class LoopGateway final : public engine::Gateway {
 public:
  struct Lane {
    net::FaceLoop* loop;
    MinionFront* front;
  };

  // Call once, before the loops start.
  void set_lanes(std::vector<Lane> lanes) { lanes_ = std::move(lanes); }

  void deliver(std::shared_ptr<const store::JobRecord> job, std::vector<Recipient> recipients) override;
  void acknowledge(std::vector<Acknowledgement> list) override;
  void end_session(engine::SessionRef session, engine::GoodbyeReason reason, std::string text) override;
  void job_closed(const JobId& jid) override;
  // A job whose recipients' proofs were made above. signed_job: as it is sent.
  void deliver_proven(std::shared_ptr<const std::string> signed_job, std::vector<ProvenRecipient> recipients);
  void say_stopping();
  // Tells every open session which masters take minions now.
  void show_masters(const std::vector<std::string>& masters);
  // Sends a new manifest to every open session.
  void show_manifest(const std::string& signed_manifest);

  // The tree made while signing, kept for the delivery that follows.
  void prepare(const store::JobRecord& job, net::MerkleTree tree) { prepared_.add(job, std::move(tree)); }

 private:
  std::vector<Lane> lanes_;
  PreparedJobs prepared_;
};

}  // namespace brine::front
