// What a target expression is matched against.
#pragma once

#include <string_view>

namespace brine::target {

class Grains;

// Does not own. Without grains, terms about grains do not match.
struct MinionView {
  std::string_view id;
  const Grains* grains = nullptr;
};

}  // namespace brine::target
