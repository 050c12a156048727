// The engine's way to the minions: hands work to the front that owns the session, on its loop.
// Thread-safe. Prepared jobs (signed bytes, Merkle tree) are kept while a job is open, so that a redelivery does not hash again; when
// they take more than 32 MiB, the oldest go and are made again if they are needed.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "engine/ports.h"
#include "front/minion_front.h"

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
  void say_stopping();
  // Tells every open session which masters take minions now.
  void show_masters(const std::vector<std::string>& masters);
  // Sends a new manifest to every open session.
  void show_manifest(const std::string& signed_manifest);

  // The tree made while signing, kept for the delivery that follows.
  void prepare(const store::JobRecord& job, net::MerkleTree tree);

 private:
  std::shared_ptr<const PreparedJob> prepared(const store::JobRecord& job);
  void keep(const JobId& jid, std::shared_ptr<const PreparedJob> job);
  void drop(std::map<JobId, std::shared_ptr<const PreparedJob>>::iterator job);

  std::vector<Lane> lanes_;
  std::mutex mutex_;
  std::map<JobId, std::shared_ptr<const PreparedJob>> prepared_;  // guarded by mutex_; jids rise with time
  std::size_t prepared_bytes_ = 0;                                // guarded by mutex_
};

}  // namespace brine::front
