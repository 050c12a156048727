#include "front/admission.h"

#include <algorithm>

#include "net/crypto.h"

namespace brine::front {
namespace {

constexpr std::size_t kMaxNetworks = 65'536;
constexpr std::uint64_t kLeastRetryMs = 500;

}  // namespace

bool Admission::spend_token(const std::string& network, MonoTime now) {
  if (buckets_.size() >= kMaxNetworks && !buckets_.contains(network)) {
    // Full buckets carry no information.
    std::erase_if(buckets_, [&](const auto& entry) {
      return entry.second.tokens + std::chrono::duration<double>(now - entry.second.filled).count() * options_.unknown_per_second >=
             options_.unknown_burst;
    });
    if (buckets_.size() >= kMaxNetworks) return false;
  }
  const auto [entry, fresh] = buckets_.try_emplace(network, Bucket{options_.unknown_burst, now});
  Bucket& bucket = entry->second;
  const double gained = std::chrono::duration<double>(now - bucket.filled).count() * options_.unknown_per_second;
  bucket.tokens = std::min(options_.unknown_burst, bucket.tokens + gained);
  bucket.filled = now;
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}

bool Admission::enqueue(Lane lane, net::ConnectionId connection, const std::string& network, MonoTime now) {
  const auto index = static_cast<std::size_t>(lane);
  if (lanes_[index].size() >= options_.lane_capacity[index]) return false;
  if (lane == Lane::kUnknown && !spend_token(network, now)) return false;
  lanes_[index].push_back(connection);
  return true;
}

bool Admission::next(net::ConnectionId& connection) {
  for (auto& lane : lanes_) {
    if (lane.empty()) continue;
    connection = lane.front();
    lane.pop_front();
    return true;
  }
  return false;
}

std::size_t Admission::waiting() const { return lanes_[0].size() + lanes_[1].size() + lanes_[2].size(); }

milliseconds Admission::retry_after() const {
  const std::uint64_t spread = 1'000 + waiting() / 2;
  return milliseconds(static_cast<std::int64_t>(kLeastRetryMs + net::random_below(spread)));
}

}  // namespace brine::front
