// Text forms of bytes. Byte strings are std::string and std::string_view throughout: they may hold any byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace brine {

std::string to_hex(std::string_view bytes);
Result<std::string> from_hex(std::string_view text);
// "aa:bb:cc", as fingerprints are shown.
std::string to_colon_hex(std::string_view bytes);

// RFC 4648 section 4, with padding. Decoding is strict.
std::string to_base64(std::string_view bytes);
Result<std::string> from_base64(std::string_view text);

// RFC 3629, strict: no surrogates, no overlong forms.
bool is_utf8(std::string_view bytes);

// CRC-32C (Castagnoli, RFC 3720 appendix B.4).
std::uint32_t crc32c(std::string_view bytes, std::uint32_t crc = 0);

inline std::string_view as_view(std::span<const std::uint8_t> bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
inline const std::uint8_t* as_u8(std::string_view bytes) { return reinterpret_cast<const std::uint8_t*>(bytes.data()); }
inline std::uint8_t* as_u8(std::string& bytes) { return reinterpret_cast<std::uint8_t*>(bytes.data()); }

// Little-endian integers, appended to and read from byte strings.
template <typename Int>
void append_le(std::string& out, Int value) {
  for (std::size_t i = 0; i < sizeof(Int); ++i) out.push_back(static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i)));
}
template <typename Int>
Int read_le(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(Int); ++i) value |= static_cast<std::uint64_t>(static_cast<std::uint8_t>(bytes[i])) << (8 * i);
  return static_cast<Int>(value);
}

}  // namespace brine
