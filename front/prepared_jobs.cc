#include "front/prepared_jobs.h"

#include <utility>

#include "wire/job.h"

namespace brine::front {
namespace {

constexpr std::size_t kMostBytes = 32U << 20;
constexpr std::size_t kWorthShrinking = 16U << 10;

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
  put(fresh, job.jid);
  make_room();
  return fresh;
}

// The newest is left alone: it is just being sent to all.
void PreparedJobs::make_room() {
  for (auto job = kept_.begin(); bytes_ > kMostBytes && job != kept_.end() && std::next(job) != kept_.end(); ++job) {
    if (job->second->tree.is_shrunk() || job->second->tree.bytes() < kWorthShrinking) continue;
    const auto& [signed_job, tree, signature] = *job->second;
    auto smaller = std::make_shared<const PreparedJob>(PreparedJob{signed_job, tree.shrunk(), signature});
    bytes_ -= bytes_of(*job->second) - bytes_of(*smaller);
    job->second = std::move(smaller);
  }
  while (bytes_ > kMostBytes && kept_.size() > 1) drop(kept_.begin());
}

void PreparedJobs::put(std::shared_ptr<const PreparedJob> fresh, const JobId& jid) {
  bytes_ += bytes_of(*fresh);
  kept_.emplace(jid, std::move(fresh));
}

void PreparedJobs::drop(Kept::iterator job) {
  bytes_ -= bytes_of(*job->second);
  kept_.erase(job);
}

}  // namespace brine::front
