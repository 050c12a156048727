// Any bytes as the JSON text of a minion's grains. What is taken must be searchable, and not much larger than the text.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "target/expression.h"
#include "target/grains.h"

namespace {

using namespace brine::target;

Expression parsed(Kind kind, std::string_view text) { return parse(kind, text).value(); }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Expression expressions[] = {
      parsed(Kind::kGrain, "os:Deb*"),        parsed(Kind::kGrain, "*:*:*:x"),
      parsed(Kind::kGrain, "a:b:c:d"),        parsed(Kind::kGrain, "disks:-1:name:s?a"),
      parsed(Kind::kGrainRegex, "os:(a|b)+"), parsed(Kind::kSubnet, "10.0.0.0/8"),
      parsed(Kind::kSubnet, "::1"),
  };
  const std::string_view json(reinterpret_cast<const char*>(data), size);
  const auto grains = Grains::from_json(json);
  if (!grains) {
    if (grains.error().message.empty()) std::abort();
    return 0;
  }
  for (const Expression& expression : expressions) expression.matches({"minion", &*grains});
  if (grains->memory_bytes() > 8 * size + 256) std::abort();
  return 0;
}
