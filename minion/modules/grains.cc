#include "minion/modules/grains.h"

#include "minion/arguments.h"
#include "minion/grain_path.h"
#include "minion/grains.h"

namespace brine::minion {
namespace {

Result<Outcome> items(const Call& call) { return Outcome{.value = call.grains->items()}; }

Result<Outcome> item(const Call& call) {
  const Arguments arguments(call);
  BRINE_LET(const std::string delimiter, arguments.text("delimiter"));
  if (call.args.empty()) return fail(Code::kInvalid, "name at least one grain");
  const auto grains = call.grains->snapshot();
  Json found = Json::object();
  for (const Json& key : call.args) {
    BRINE_LET(const std::string name, text_of(key, "a key"));
    const Json* value = find_grain(*grains, name, delimiter);
    found[name] = value != nullptr ? *value : arguments.json("default");
  }
  return Outcome{.value = std::move(found)};
}

Result<Outcome> get(const Call& call) {
  const Arguments arguments(call);
  BRINE_LET(const std::string key, arguments.text("key"));
  BRINE_LET(const std::string delimiter, arguments.text("delimiter"));
  const auto grains = call.grains->snapshot();
  const Json* value = find_grain(*grains, key, delimiter);
  return Outcome{.value = value != nullptr ? *value : arguments.json("default")};
}

Result<Outcome> ls(const Call& call) {
  const auto grains = call.grains->snapshot();
  Json names = Json::array();
  for (const auto& [name, value] : grains->items()) names.push_back(name);
  return Outcome{.value = std::move(names)};
}

Result<Outcome> has_value(const Call& call) {
  const Arguments arguments(call);
  BRINE_LET(const std::string key, arguments.text("key"));
  BRINE_LET(const std::string delimiter, arguments.text("delimiter"));
  return Outcome{.value = find_grain(*call.grains->snapshot(), key, delimiter) != nullptr};
}

}  // namespace

void add_grains_functions(Registry& registry) {
  const Parameter key{.name = "key"};
  const Parameter fallback{.name = "default", .fallback = "\"\""};
  const Parameter delimiter{.name = "delimiter", .fallback = "\":\""};
  const auto add = [&registry](std::string name, std::vector<Parameter> parameters, std::string doc, Result<Outcome> (*body)(const Call&)) {
    registry.add({.name = std::move(name), .parameters = std::move(parameters), .doc = std::move(doc), .repeatable = true, .body = body});
  };
  add("grains.items", {}, "All grains.\n\n    brine '*' grains.items", items);
  add("grains.item", {{.name = "keys", .variadic = true}, fallback, delimiter},
      "These grains, by name.\n\n    brine '*' grains.item os osrelease", item);
  add("grains.get", {key, fallback, delimiter},
      "One grain, also from within others; default when there is none.\n\n    brine '*' grains.get ip4_interfaces:eth0:0", get);
  add("grains.ls", {}, "The names of all grains.\n\n    brine '*' grains.ls", ls);
  add("grains.has_value", {key, delimiter}, "Whether there is such a grain.\n\n    brine '*' grains.has_value roles", has_value);
}

}  // namespace brine::minion
