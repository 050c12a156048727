#include "engine/grain_index.h"

#include <limits>
#include <utility>

#include "base/log.h"

namespace brine::engine {
namespace {

bool asks_for_grains(const target::Expression& expression) {
  const target::Kind kind = expression.kind();
  return kind != target::Kind::kGlob && kind != target::Kind::kRegex && kind != target::Kind::kList;
}

}  // namespace

void GrainIndex::add(const MinionId& id) {
  later_.erase(id);
  index_.upsert(id);
}

void GrainIndex::set_later(const MinionId& id, std::string json) {
  if (index_.contains(id)) later_.insert_or_assign(id, std::move(json));
}

void GrainIndex::set(const MinionId& id, const std::string& json) {
  later_.erase(id);
  if (!index_.contains(id)) return;
  auto parsed = target::Grains::from_json(json);
  if (parsed) return index_.upsert(id, std::move(*parsed));
  log::warning("the grains of {} are not usable: {}", id.str(), parsed.error().message);
  index_.upsert(id);
}

void GrainIndex::erase(const MinionId& id) {
  later_.erase(id);
  index_.erase(id);
}

const target::Grains* GrainIndex::grains(const MinionId& id) {
  if (const auto later = later_.find(id); later != later_.end()) {
    const std::string json = std::move(later->second);
    set(id, json);
  }
  return index_.grains(id);
}

std::vector<MinionId> GrainIndex::resolve(const target::Expression& expression) {
  if (asks_for_grains(expression)) learn(std::numeric_limits<std::size_t>::max());
  return index_.resolve(expression);
}

bool GrainIndex::learn(std::size_t minions) {
  for (; minions > 0 && !later_.empty(); --minions) {
    const auto next = later_.extract(later_.begin());
    set(next.key(), next.mapped());
  }
  return !later_.empty();
}

}  // namespace brine::engine
