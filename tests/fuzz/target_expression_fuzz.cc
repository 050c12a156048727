// Byte 0 chooses the kind, byte 1 the delimiter, the rest is the text of a target expression. Whatever parses must match without a fault,
// and the same on the master (the index) as on the minion.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "target/expression.h"
#include "target/grains.h"
#include "target/index.h"

namespace {

using namespace brine;
using namespace brine::target;

struct Fleet {
  std::vector<MinionId> ids;
  Index index;

  void add(std::string_view id, std::string_view grains) {
    ids.push_back(MinionId::parse(id).value());
    index.upsert(ids.back(), Grains::from_json(grains).value());
  }

  Fleet() {
    add("web1",
        R"({"os":"Debian","num_cpus":4,"roles":["web","cache"],"ipv4":["10.1.2.3","127.0.0.1"],"ipv6":["::1"],"a":{"b":{"c":"d:e"}}})");
    add("db1.example", R"({"os":"CentOS","virtual":true,"disks":[{"name":"sda","size":0.5},{"name":"sdb"}],"ipv4":["192.168.0.7"]})");
    ids.push_back(MinionId::parse("bare").value());
    index.upsert(ids.back());
  }
};

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Fleet fleet;
  if (size < 2) return 0;
  const auto kind = static_cast<Kind>(data[0] % 9);
  const char delimiter = static_cast<char>(data[1]);
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  const auto expression = parse(kind, text, delimiter);
  if (!expression) {
    require(!expression.error().message.empty());
    return 0;
  }
  std::vector<MinionId> matching;
  for (const MinionId& id : fleet.ids) {
    if (expression->matches({id.str(), fleet.index.grains(id)})) matching.push_back(id);
  }
  std::sort(matching.begin(), matching.end());
  require(fleet.index.resolve(*expression) == matching);
  return 0;
}
