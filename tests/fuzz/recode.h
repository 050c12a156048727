// What every codec owes: what it decoded it can encode, the result decodes to the same again, and neither is much larger than the input.
#pragma once

#include <cstdlib>
#include <string>
#include <string_view>

template <typename Decode, typename Encode>
void check_codec(std::string_view bytes, Decode decode, Encode encode) {
  const auto value = decode(bytes);
  if (!value) {
    if (value.error().message.empty()) std::abort();
    return;
  }
  const std::string first = encode(*value);
  if (first.size() > 3 * bytes.size() + 1024) std::abort();
  const auto again = decode(first);
  if (!again || encode(*again) != first) std::abort();
}
