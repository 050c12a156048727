// Altering what is genuine: most random input dies at the first check, a few altered bytes reach the last.
#pragma once

#include <string>
#include <string_view>

// Edits are pairs of bytes: how far to go on, and what to flip there.
inline std::string altered(std::string genuine, std::string_view edits) {
  std::size_t at = 0;
  for (; edits.size() >= 2 && !genuine.empty(); edits.remove_prefix(2)) {
    at = (at + static_cast<unsigned char>(edits[0])) % genuine.size();
    genuine[at] = static_cast<char>(genuine[at] ^ edits[1]);
  }
  return genuine;
}
