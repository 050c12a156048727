#include "mine/limits.h"

#include <algorithm>
#include <string>

namespace brine::mine {

Status check_entry(std::string_view name, std::string_view value, std::string_view allow) {
  const bool printable = std::all_of(name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) >= ' ' && c != '\x7f'; });
  if (name.empty() || name.size() > kMaxNameBytes || !printable)
    return fail(Code::kInvalid, "the name of a mine entry has 1 to " + std::to_string(kMaxNameBytes) + " printable characters");
  if (value.size() > kMaxValueBytes)
    return fail(Code::kFull, "the mine entry " + std::string(name) + " has " + std::to_string(value.size()) + " bytes; " +
                                 std::to_string(kMaxValueBytes) + " are allowed: publish less under it");
  if (allow.size() > kMaxAccessBytes)
    return fail(Code::kFull, "allow_tgt of the mine entry " + std::string(name) + " is longer than " + std::to_string(kMaxAccessBytes) +
                                 " bytes: use a shorter target, as a grain");
  return {};
}

}  // namespace brine::mine
