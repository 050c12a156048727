#include "store/job_cache.h"

#include <utility>

namespace brine::store {

std::size_t JobCache::bytes_of(const KnownJob& job) {
  constexpr std::size_t kNodes = 128;
  return sizeof(KnownJob) + kNodes + job.function.capacity() + job.expected.memory_bytes();
}

const KnownJob* JobCache::find(PackedJid jid) {
  if (!jobs_.empty() && jobs_.front().jid == jid) return &jobs_.front();
  const auto place = places_.find(jid);
  if (place == places_.end()) return nullptr;
  jobs_.splice(jobs_.begin(), jobs_, place->second);
  return &jobs_.front();
}

const KnownJob* JobCache::put(KnownJob job) {
  forget(job.jid);
  bytes_ += bytes_of(job);
  jobs_.push_front(std::move(job));
  places_[jobs_.front().jid] = jobs_.begin();
  while (bytes_ > max_bytes_ && jobs_.size() > 1) forget(jobs_.back().jid);
  return &jobs_.front();
}

void JobCache::forget(PackedJid jid) {
  const auto place = places_.find(jid);
  if (place == places_.end()) return;
  bytes_ -= bytes_of(*place->second);
  jobs_.erase(place->second);
  places_.erase(place);
}

void JobCache::clear() {
  jobs_.clear();
  places_.clear();
  bytes_ = 0;
}

}  // namespace brine::store
