// How much a minion may have in the mine. Minion and master judge by the same numbers.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/result.h"

namespace brine::mine {

inline constexpr std::size_t kMaxValueBytes = 256U << 10;
inline constexpr std::size_t kMaxMinionBytes = 1U << 20;  // names, values and who may read them, together
inline constexpr std::size_t kMaxNames = 256;
inline constexpr std::size_t kMaxNameBytes = 128;
inline constexpr std::size_t kMaxAccessBytes = 4U << 10;

inline constexpr std::size_t kMaxDepth = 32;  // of lists and objects in a value: readers walk through them

// What an entry counts for.
constexpr std::size_t bytes_of(std::string_view name, std::string_view value, std::string_view allow) {
  return name.size() + value.size() + allow.size();
}

// Every value is one JSON text in UTF-8: it is put between others as it is. kInvalid or kFull, with a message that names the entry and the
// bound.
Status check_entry(std::string_view name, std::string_view value, std::string_view allow);

}  // namespace brine::mine
