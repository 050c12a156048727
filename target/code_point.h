// Text one character at a time: UTF-8 (RFC 3629), where a byte that is not part of any character stands for itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace brine::target {

enum class Case { kSensitive, kInsensitive };

struct CodePoint {
  char32_t value = 0;
  std::uint8_t size = 1;  // in bytes
  bool valid = true;
};

// The character that begins at byte `at`, which must be inside the text.
inline CodePoint code_point_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[at + i]); };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return {lead, 1, true};
  // A value of its own for a stray byte, outside of Unicode.
  const CodePoint stray{0x110000U + lead, 1, false};
  const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() - at < size) return stray;
  char32_t value = lead & (0x7fU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return stray;
    value = (value << 6) | (byte(i) & 0x3fU);
  }
  const bool overlong = (size == 3 && value < 0x800) || (size == 4 && value < 0x10000);
  if (overlong || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) return stray;
  return {value, static_cast<std::uint8_t>(size), true};
}

// Lower case, of ASCII letters only.
inline char32_t fold(char32_t c, Case letters) { return letters == Case::kInsensitive && c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c; }

}  // namespace brine::target
