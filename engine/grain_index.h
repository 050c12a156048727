// The minions a target is resolved against. Grains that come from the store at the start are parsed when there is time, or when a
// target first asks for them: 10,000 minions' take more than a second, which minions that come back need not wait for.
// Confined to the engine's loop.
#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "target/index.h"

namespace brine::engine {

class GrainIndex {
 public:
  // Adds the minion without grains, or drops those it had.
  void add(const MinionId& id);
  // Keeps the JSON text until learn() or resolve() parses it. Minions that are not there are ignored, here and below.
  void set_later(const MinionId& id, std::string json);
  // Grains that are no JSON object are logged, and the minion has none.
  void set(const MinionId& id, const std::string& json);
  void erase(const MinionId& id);

  // Null for one without, or unknown. Valid until the next change.
  const target::Grains* grains(const MinionId& id);

  // The minions that match, sorted by id.
  std::vector<MinionId> resolve(const target::Expression& expression);

  // Parses some of what was kept for later. False when nothing is left.
  bool learn(std::size_t minions);

 private:
  target::Index index_;
  std::unordered_map<MinionId, std::string> later_;
};

}  // namespace brine::engine
