#include "mine/limits.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

namespace brine::mine {

namespace {

std::size_t depth_of(std::string_view json) {
  std::size_t depth = 0;
  std::size_t deepest = 0;
  bool in_text = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_text && c == '\\') ++i;
    if (c == '"') in_text = !in_text;
    if (in_text) continue;
    if (c == '[' || c == '{') deepest = std::max(deepest, ++depth);
    if ((c == ']' || c == '}') && depth > 0) --depth;
  }
  return deepest;
}

}  // namespace

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
  if (depth_of(value) > kMaxDepth || !nlohmann::json::accept(value))
    return fail(Code::kInvalid, "the mine entry " + std::string(name) + " is no JSON value with at most " + std::to_string(kMaxDepth) +
                                    " levels of lists and maps");
  return {};
}

}  // namespace brine::mine
