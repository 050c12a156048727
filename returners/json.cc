#include <algorithm>
#include <nlohmann/json.hpp>

#include "returners/returner.h"

namespace brine::returners {
// The payload is JSON text already and is put in as it is, unless a minion sent something else. Line breaks between its tokens become
// spaces: a payload must not be able to write lines of its own into a file of lines.
std::string to_json(const store::OutboxEntry& entry) {
  const store::ReturnRecord& value = entry.value;
  nlohmann::json object{
      {"jid", value.jid.str()},   {"id", value.minion.str()}, {"fun", entry.function},      {"outcome", to_string(value.outcome)},
      {"success", value.success}, {"retcode", value.retcode}, {"received", value.received}, {"duration_us", value.duration_us}};
  if (entry.late) object["late"] = true;
  std::string text = object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  text.pop_back();
  text += ",\"return\":";
  if (nlohmann::json::accept(value.payload)) {
    const std::size_t begin = text.size();
    text += value.payload;
    std::replace_if(text.begin() + static_cast<std::ptrdiff_t>(begin), text.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  } else {
    text += nlohmann::json(value.payload).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
  text += "}";
  return text;
}

}  // namespace brine::returners
