#include "minion/function.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/bytes.h"
#include "base/nearest.h"
#include "minion/binding.h"

namespace brine::minion {
namespace {

std::string shown(const Parameter& parameter) {
  if (parameter.variadic) return "*" + parameter.name;
  if (parameter.keywords) return "**" + parameter.name;
  return parameter.fallback.empty() ? parameter.name : parameter.name + "=" + parameter.fallback;
}

Outcome unknown_function(const Registry& registry, const std::string& name) {
  std::string text = fmt::format("'{}' is not available.", name);
  const auto nearest = registry.nearest(name);
  if (!nearest.empty()) {
    text += fmt::format(" Did you mean {}?", fmt::join(nearest, ", "));
  } else if (name.find('.') == std::string::npos) {
    text += " A function is named module.function, as in test.ping.";
  } else {
    text += " sys.list_functions shows what this minion offers.";
  }
  return {.value = bytes_to_json(text), .retcode = kNoSuchFunction};
}

Outcome failed(const Function& function, const Error& error) {
  std::string text = fmt::format("{}: {}", function.name, error.message);
  if (error.code == Code::kInvalid) text += "\nUsage: " + signature_of(function);
  return {.value = bytes_to_json(text), .retcode = kFailed};
}

Result<Outcome> bind_and_run(const Function& function, const Call& call) {
  BRINE_LET(const Call bound, bind_arguments(function, call));
  return function.body(bound);
}

}  // namespace

Json bytes_to_json(std::string_view bytes) {
  if (is_utf8(bytes)) return std::string(bytes);
  return Json{{"__bytes__", to_base64(bytes)}};
}

std::string signature_of(const Function& function) {
  std::vector<std::string> parameters;
  for (const Parameter& parameter : function.parameters) parameters.push_back(shown(parameter));
  return fmt::format("{}({})", function.name, fmt::join(parameters, ", "));
}

void Registry::add(Function function) {
  std::string name = function.name;
  functions_.insert_or_assign(std::move(name), std::move(function));
}

const Function* Registry::find(std::string_view name) const {
  const auto it = functions_.find(name);
  return it == functions_.end() ? nullptr : &it->second;
}

std::vector<std::string> Registry::nearest(std::string_view name) const {
  std::vector<std::string> names;
  for (const auto& [known, function] : functions_) names.push_back(known);
  return nearest_names(name, names, 3);
}

Outcome run(const Registry& registry, const Call& call) {
  const Function* function = registry.find(call.function);
  if (function == nullptr) return unknown_function(registry, call.function);
  try {
    auto outcome = bind_and_run(*function, call);
    return outcome ? std::move(*outcome) : failed(*function, outcome.error());
  } catch (const std::exception& e) {
    return failed(*function, Error{Code::kInternal, fmt::format("failed inside: {}", e.what())});
  }
}

}  // namespace brine::minion
