// Any bytes as what a syndic, or what stands above one, says: as it is, and as what it was before compression.

#include <cstdint>

#include "tests/fuzz/recode.h"
#include "wire/relay.h"

namespace {

using namespace brine::wire;

template <typename Unpack>
void check(std::string_view bytes, Unpack unpack) {
  check_codec(
      bytes, [unpack](std::string_view text) { return unpack(Relayed{false, static_cast<std::uint32_t>(text.size()), std::string(text)}); },
      [](const auto& message) { return pack(message, false).data; });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check(bytes, unpack_up);
  check(bytes, unpack_down);
  if (size < 4) return 0;
  const std::uint32_t claimed = static_cast<std::uint32_t>(data[0]) << 16 | static_cast<std::uint32_t>(data[1]) << 8 | data[2];
  const Relayed compressed{true, claimed, std::string(bytes.substr(3))};
  if (const auto up = unpack_up(compressed); up && pack(*up, false).size > 3 * claimed + 1024) __builtin_trap();
  return 0;
}
