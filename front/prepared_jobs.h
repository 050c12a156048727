// Jobs ready to be sent, kept while they are open, so that a redelivery does not hash again. When they take more than 32 MiB, the trees of
// the oldest are shrunk (room for 800 jobs of 10,000 minions); when that is not enough, the oldest go, and are made again if they are
// needed. Thread-safe.
//
// A jid alone does not name a job: this master may have signed one with a jid that another master took first.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "net/merkle.h"
#include "store/records.h"

namespace brine::front {

// Its signed bytes and the tree of those who are expected. Immutable, shared by the loops.
struct PreparedJob {
  std::string signed_job;  // with the signature, as it is sent
  net::MerkleTree tree;
  std::string signature;
};

class PreparedJobs {
 public:
  // The tree made while signing, kept for the delivery that follows.
  void add(const store::JobRecord& job, net::MerkleTree tree);
  // Of exactly this job; made if it is not there.
  std::shared_ptr<const PreparedJob> of(const store::JobRecord& job);
  void forget(const JobId& jid);

 private:
  using Kept = std::map<JobId, std::shared_ptr<const PreparedJob>>;
  std::shared_ptr<const PreparedJob> keep(const store::JobRecord& job, net::MerkleTree tree);
  void make_room();
  void put(std::shared_ptr<const PreparedJob> fresh, const JobId& jid);
  void drop(Kept::iterator job);

  std::mutex mutex_;
  Kept kept_;              // guarded by mutex_; jids rise with time
  std::size_t bytes_ = 0;  // guarded by mutex_
};

}  // namespace brine::front
