#include "front/prepared_jobs.h"

#include <utility>

#include "wire/job.h"

namespace brine::front {
namespace {

constexpr std::size_t kMostBytes = 32U << 20;

std::size_t bytes_of(const PreparedJob& job) { return sizeof job + job.signed_job.size() + job.tree.bytes() + job.signature.size(); }

}  // namespace

void PreparedJobs::add(const store::JobRecord& job, net::MerkleTree tree) { keep(job, std::move(tree)); }

std::shared_ptr<const PreparedJob> PreparedJobs::of(const store::JobRecord& job) {
  {
    std::lock_guard lock(mutex_);
    const auto found = kept_.find(job.jid);
    if (found != kept_.end() && found->second->signature == job.signature) return found->second;
  }
  return keep(job, net::MerkleTree(job.expected));
}

void PreparedJobs::forget(const JobId& jid) {
  std::lock_guard lock(mutex_);
  if (const auto found = kept_.find(jid); found != kept_.end()) drop(found);
}

std::shared_ptr<const PreparedJob> PreparedJobs::keep(const store::JobRecord& job, net::MerkleTree tree) {
  auto fresh = std::make_shared<const PreparedJob>(
      PreparedJob{encode(wire::SignedJob{job.signed_job, job.signature}), std::move(tree), job.signature});
  std::lock_guard lock(mutex_);
  if (const auto other = kept_.find(job.jid); other != kept_.end()) drop(other);
  kept_.emplace(job.jid, fresh);
  bytes_ += bytes_of(*fresh);
  while (bytes_ > kMostBytes && kept_.size() > 1) drop(kept_.begin());
  return fresh;
}

void PreparedJobs::drop(Kept::iterator job) {
  bytes_ -= bytes_of(*job->second);
  kept_.erase(job);
}

}  // namespace brine::front
