#include "cli/json.h"

namespace brine::cli {
namespace {

bool deeper_than(std::string_view text, int limit) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > limit) return true;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return false;
}

}  // namespace

Json parse_value(std::string_view text) {
  if (deeper_than(text, kMaxDepth)) return std::string(text);
  Json value = Json::parse(text, nullptr, false);
  if (value.is_discarded()) return std::string(text);
  return value;
}

std::string to_text(const Json& value, int indent) { return value.dump(indent, ' ', false, Json::error_handler_t::replace); }

}  // namespace brine::cli
