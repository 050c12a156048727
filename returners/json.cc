#include <algorithm>
#include <nlohmann/json.hpp>

#include "returners/returner.h"

namespace brine::returners {
namespace {

using Json = nlohmann::json;

// Every return of every returner comes through here. So the object is put together by hand, and the library is asked only for what needs
// it: texts with something to escape, and whether a payload is JSON.
class ObjectText {
 public:
  explicit ObjectText(std::size_t payload) { text_.reserve(320 + payload); }

  ObjectText& text(std::string_view name, std::string_view value) {
    begin(name);
    const bool plain = std::ranges::all_of(value, [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; });
    if (plain) {
      text_.append(1, '"').append(value).append(1, '"');
    } else {
      text_ += Json(std::string(value)).dump(-1, ' ', false, Json::error_handler_t::replace);
    }
    return *this;
  }
  ObjectText& number(std::string_view name, std::int64_t value) {
    begin(name);
    text_ += std::to_string(value);
    return *this;
  }
  ObjectText& flag(std::string_view name, bool value) {
    begin(name);
    text_ += value ? "true" : "false";
    return *this;
  }
  // Text that is JSON already is put in as it is, anything else as a string. Line breaks between its tokens become spaces: it must not be
  // able to write lines of its own into a file of lines.
  ObjectText& json(std::string_view name, const std::string& value) {
    if (!Json::accept(value)) return text(name, value);
    begin(name);
    const auto at = static_cast<std::ptrdiff_t>(text_.size());
    text_ += value;
    std::replace_if(text_.begin() + at, text_.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
    return *this;
  }
  std::string take() {
    text_ += '}';
    return std::move(text_);
  }

 private:
  void begin(std::string_view name) { text_.append(text_.empty() ? "{\"" : ",\"").append(name).append("\":"); }

  std::string text_;
};

std::string event_json(const store::EventRecord& event, std::string_view master) {
  return ObjectText(event.data.size())
      .number("schema", kSchema)
      .text("kind", "event")
      .text("event_id", event.id)
      .text("tag", event.tag)
      .number("stamp", event.at)
      .text("master", master)
      .json("data", event.data)
      .take();
}

}  // namespace

std::string to_json(const store::OutboxEntry& entry, std::string_view master) {
  if (entry.is_event()) return event_json(entry.event, master);
  const store::ReturnRecord& value = entry.value;
  ObjectText object(value.payload.size());
  object.number("schema", kSchema)
      .text("kind", "return")
      .text("jid", value.jid.str())
      .text("id", value.minion.str())
      .text("fun", entry.function)
      .text("outcome", to_string(value.outcome))
      .flag("success", value.success)
      .number("retcode", value.retcode)
      .number("received", value.received)
      .number("duration_us", static_cast<std::int64_t>(value.duration_us))
      .text("master", master);
  if (entry.late) object.flag("late", true);
  return object.json("return", value.payload).take();
}

}  // namespace brine::returners
