#include "net/master_list.h"

#include <algorithm>
#include <utility>

#include "net/crypto.h"

namespace brine::net {
namespace {

constexpr int kMostPasses = 3;

std::string endpoint_of(const std::string& address) { return address.find("://") == std::string::npos ? "tcp://" + address : address; }

}  // namespace

MasterList::MasterList(const MinionId& id, std::vector<std::string> configured)
    : id_(id.str()), configured_(std::move(configured)), order_(configured_) {
  current_ = order_.empty() ? 0 : random_below(order_.size());
}

void MasterList::next() {
  if (order_.empty()) return;
  if (std::find(failed_.begin(), failed_.end(), current()) == failed_.end()) failed_.push_back(current());
  current_ = (current_ + 1) % order_.size();
}

// One that has just come back may be known to the others before it is ready itself.
void MasterList::pass() {
  if (order_.empty()) return;
  if (++passes_ > kMostPasses) return next();
  current_ = (current_ + 1) % order_.size();
}

// The current one if there is none.
std::size_t MasterList::best() const {
  for (std::size_t i = 0; i < std::min(live_, current_); ++i) {
    if (std::find(failed_.begin(), failed_.end(), order_[i]) == failed_.end()) return i;
  }
  return current_;
}

void MasterList::learn(const std::vector<std::string>& live, const std::string& own) {
  if (live.empty()) return;
  std::vector<std::string> told = live;
  std::sort(told.begin(), told.end());
  if (told != told_) {
    failed_.clear();
    passes_ = 0;
  }
  told_ = std::move(told);
  const std::string now = own.empty() ? current() : endpoint_of(own);
  std::vector<std::pair<std::string, std::string>> weighed;
  for (const std::string& address : live) weighed.emplace_back(sha256(id_ + '\0' + address), endpoint_of(address));
  std::sort(weighed.rbegin(), weighed.rend());
  weighed.erase(std::unique(weighed.begin(), weighed.end()), weighed.end());
  order_.clear();
  for (auto& [weight, endpoint] : weighed) order_.push_back(std::move(endpoint));
  live_ = order_.size();
  for (const std::string& endpoint : configured_) {
    if (std::find(order_.begin(), order_.end(), endpoint) == order_.end()) order_.push_back(endpoint);
  }
  auto found = std::find(order_.begin(), order_.end(), now);
  if (found == order_.end()) found = order_.insert(found, now);
  current_ = static_cast<std::size_t>(found - order_.begin());
  std::erase(failed_, now);
}

}  // namespace brine::net
