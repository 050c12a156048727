#include "loadtest/object_reader.h"

#include <algorithm>

#include "base/nearest.h"

namespace brine::loadtest {

Result<Json> parse_object(std::string_view text, std::string_view where) {
  Json value = Json::parse(text, nullptr, false);
  if (!value.is_object()) return fail(Code::kInvalid, std::string(where) + " is not a JSON object");
  return value;
}

ObjectReader::ObjectReader(const Json& object, std::string where) : object_(object), where_(std::move(where)) {
  if (!object_.is_object()) complain(where_ + " is not an object");
}

bool ObjectReader::has(std::string_view name) const { return object_.is_object() && object_.contains(name); }

const Json* ObjectReader::take(const std::string& name) {
  known_.push_back(name);
  return has(name) ? &object_[name] : nullptr;
}

const Json* ObjectReader::any(const std::string& name) { return take(name); }

void ObjectReader::complain(std::string message) {
  if (complaint_.empty()) complaint_ = std::move(message);
}

void ObjectReader::must_have(const std::string& name) {
  if (!has(name)) complain("'" + name + "' is missing in " + where_);
}

void ObjectReader::text(const std::string& name, std::string& value) {
  const Json* found = take(name);
  if (found == nullptr) return;
  if (!found->is_string()) return complain("'" + name + "' in " + where_ + " has to be a text");
  value = found->get<std::string>();
}

void ObjectReader::texts(const std::string& name, std::vector<std::string>& value) {
  const Json* found = take(name);
  if (found == nullptr) return;
  const bool good = found->is_array() && std::ranges::all_of(*found, [](const Json& item) { return item.is_string(); });
  if (!good) return complain("'" + name + "' in " + where_ + " has to be a list of texts");
  value = found->get<std::vector<std::string>>();
}

void ObjectReader::flag(const std::string& name, bool& value) {
  const Json* found = take(name);
  if (found == nullptr) return;
  if (!found->is_boolean()) return complain("'" + name + "' in " + where_ + " has to be true or false");
  value = found->get<bool>();
}

void ObjectReader::real(const std::string& name, double& value, double least, double most) {
  const Json* found = take(name);
  if (found == nullptr) return;
  if (!found->is_number() || found->get<double>() < least || found->get<double>() > most)
    return complain("'" + name + "' in " + where_ + " has to be a number from " + Json(least).dump() + " to " + Json(most).dump());
  value = found->get<double>();
}

void ObjectReader::time(const std::string& name, milliseconds& value) {
  std::int64_t count = value.count();
  whole(name, count, 0, 86'400'000);
  value = milliseconds(count);
}

void ObjectReader::whole(const std::string& name, std::int64_t& value, std::int64_t least, std::int64_t most) {
  const Json* found = take(name);
  if (found == nullptr) return;
  const bool fits = found->is_number_integer() && !(found->is_number_unsigned() && found->get<std::uint64_t>() > INT64_MAX);
  if (!fits || found->get<std::int64_t>() < least || found->get<std::int64_t>() > most)
    return complain("'" + name + "' in " + where_ + " has to be a whole number from " + std::to_string(least) + " to " +
                    std::to_string(most));
  value = found->get<std::int64_t>();
}

void ObjectReader::object(const std::string& name, const std::function<void(ObjectReader&)>& read) {
  const Json* found = take(name);
  if (found == nullptr) return;
  ObjectReader inner(*found, "'" + name + "'");
  read(inner);
  if (auto good = inner.finish(); !good) complain(good.error().message);
}

Status ObjectReader::finish() const {
  if (!complaint_.empty()) return fail(Code::kInvalid, complaint_);
  for (const auto& [key, value] : object_.items()) {
    if (std::ranges::find(known_, key) != known_.end()) continue;
    const auto nearest = nearest_names(key.substr(0, 128), known_, 1);
    return fail(Code::kInvalid,
                "unknown key '" + key + "' in " + where_ + (nearest.empty() ? "" : "; did you mean '" + nearest.front() + "'?"));
  }
  return {};
}

}  // namespace brine::loadtest
