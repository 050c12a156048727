#include "cli/output/bytes_value.h"

#include "base/bytes.h"

namespace brine::cli {

std::optional<std::string> bytes_of(const Json& value) {
  if (!value.is_object() || value.size() != 1) return std::nullopt;
  const auto found = value.find("__bytes__");
  if (found == value.end() || !found->is_string()) return std::nullopt;
  auto bytes = from_base64(found->get_ref<const std::string&>());
  if (!bytes) return std::nullopt;
  return std::move(*bytes);
}

}  // namespace brine::cli
