#include "target/index.h"

namespace brine::target {
namespace {

// A node of std::map has its colour and three links before the value; malloc adds a word.
constexpr std::size_t kNodeOverhead = 5 * sizeof(void*);

MinionView view_of(const MinionId& id, const std::optional<Grains>& grains) { return {id.str(), grains ? &*grains : nullptr}; }

std::size_t bytes_of(const MinionId& id, const std::optional<Grains>& grains) {
  constexpr std::size_t kInPlace = 15;
  const std::size_t name = id.str().capacity() > kInPlace ? id.str().capacity() + 1 + sizeof(void*) : 0;
  return kNodeOverhead + sizeof(MinionId) + sizeof(std::optional<Grains>) + name +
         (grains ? grains->memory_bytes() - sizeof(Grains) + sizeof(void*) : 0);
}

}  // namespace

void Index::put(const MinionId& id, std::optional<Grains> grains) {
  const auto [place, added] = minions_.try_emplace(id);
  if (!added) minion_bytes_ -= bytes_of(place->first, place->second);
  place->second = std::move(grains);
  minion_bytes_ += bytes_of(place->first, place->second);
}

bool Index::erase(const MinionId& id) {
  const auto found = minions_.find(id);
  if (found == minions_.end()) return false;
  minion_bytes_ -= bytes_of(found->first, found->second);
  minions_.erase(found);
  return true;
}

const Grains* Index::grains(const MinionId& id) const {
  const auto found = minions_.find(id);
  return found != minions_.end() && found->second ? &*found->second : nullptr;
}

std::vector<MinionId> Index::resolve(const Expression& expression) const {
  std::vector<MinionId> matching;
  if (const auto* ids = expression.only_ids()) {
    for (const MinionId& id : *ids) {
      const auto found = minions_.find(id);
      if (found != minions_.end() && expression.matches(view_of(id, found->second))) matching.push_back(id);
    }
    return matching;
  }
  for (const auto& [id, grains] : minions_) {
    if (expression.matches(view_of(id, grains))) matching.push_back(id);
  }
  return matching;
}

std::size_t Index::memory_bytes() const { return sizeof(Index) + minion_bytes_; }

}  // namespace brine::target
