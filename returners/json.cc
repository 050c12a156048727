#include <algorithm>
#include <nlohmann/json.hpp>

#include "returners/returner.h"

namespace brine::returners {
namespace {

using Json = nlohmann::json;

constexpr int kSchema = 1;

std::string dump(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

// Text that is JSON already is put in as it is, anything else as a string. Line breaks between its tokens become spaces: it must not be
// able to write lines of its own into a file of lines.
void append_member(std::string& object, std::string_view name, const std::string& value) {
  object.pop_back();
  object.append(",\"").append(name).append("\":");
  if (Json::accept(value)) {
    const std::size_t begin = object.size();
    object += value;
    std::replace_if(object.begin() + static_cast<std::ptrdiff_t>(begin), object.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  } else {
    object += dump(value);
  }
  object.push_back('}');
}

std::string event_json(const store::OutboxEntry& entry, std::string_view master) {
  std::string text = dump({{"schema", kSchema},
                           {"kind", "event"},
                           {"event_id", entry.event.id},
                           {"tag", entry.event.tag},
                           {"stamp", entry.event.at},
                           {"master", master}});
  append_member(text, "data", entry.event.data);
  return text;
}

}  // namespace

std::string to_json(const store::OutboxEntry& entry, std::string_view master) {
  if (entry.is_event()) return event_json(entry, master);
  const store::ReturnRecord& value = entry.value;
  Json object{{"schema", kSchema},
              {"kind", "return"},
              {"jid", value.jid.str()},
              {"id", value.minion.str()},
              {"fun", entry.function},
              {"outcome", to_string(value.outcome)},
              {"success", value.success},
              {"retcode", value.retcode},
              {"received", value.received},
              {"duration_us", value.duration_us},
              {"master", master}};
  if (entry.late) object["late"] = true;
  std::string text = dump(object);
  append_member(text, "return", value.payload);
  return text;
}

}  // namespace brine::returners
