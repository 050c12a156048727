#include "minion/grain_path.h"

#include <charconv>

namespace brine::minion {
namespace {

const Json* in_list(const Json& list, std::string_view part) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), index);
  if (error == std::errc() && end == part.data() + part.size()) return index < list.size() ? &list[index] : nullptr;
  for (const Json& element : list) {
    if (!element.is_object()) continue;
    if (const auto it = element.find(part); it != element.end()) return &*it;
  }
  return nullptr;
}

const Json* step(const Json& value, std::string_view part) {
  if (value.is_array()) return in_list(value, part);
  if (!value.is_object()) return nullptr;
  const auto it = value.find(part);
  return it == value.end() ? nullptr : &*it;
}

}  // namespace

const Json* find_grain(const Json& value, std::string_view path, std::string_view delimiter) {
  if (value.is_object() && value.contains(path)) return &value[path];
  const Json* at = &value;
  while (at != nullptr) {
    const std::size_t end = delimiter.empty() ? std::string_view::npos : path.find(delimiter);
    at = step(*at, path.substr(0, end));
    if (end == std::string_view::npos) return at;
    path.remove_prefix(end + delimiter.size());
  }
  return nullptr;
}

}  // namespace brine::minion
