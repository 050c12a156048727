// The grains of simulated minions: one JSON text for all, with a few values of each minion's own. Immutable; shared by all threads.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace brine::loadtest {

class GrainsTemplate {
 public:
  // bytes: how long the text for a minion is made, within a few bytes, if what has to be in it leaves room.
  explicit GrainsTemplate(std::size_t bytes);

  // One JSON object. `id`, `host`, `fqdn`, `ipv4`, `number`; `role` is web, db, cache or queue; `dc` is dc0 to dc3.
  std::string text(std::string_view id, std::uint32_t number) const;

 private:
  std::string common_;
};

}  // namespace brine::loadtest
