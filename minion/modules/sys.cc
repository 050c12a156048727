#include "minion/modules/sys.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <set>

#include "minion/arguments.h"

namespace brine::minion {
namespace {

std::string module_of(const std::string& name) { return name.substr(0, name.find('.')); }

// A pattern names a function ("cmd.run"), a module ("cmd", "cmd."), or several of either ("cmd.run*", "*util").
bool is_meant(const std::string& name, std::string pattern) {
  if (pattern.ends_with('.')) pattern.pop_back();
  const bool whole = pattern.find('.') != std::string::npos;
  return fnmatch(pattern.c_str(), whole ? name.c_str() : module_of(name).c_str(), 0) == 0;
}

Result<std::vector<std::string>> texts_of(const std::vector<Json>& values) {
  std::vector<std::string> texts;
  for (const Json& value : values) {
    BRINE_LET(std::string text, text_of(value, "a name"));
    if (!text.empty()) texts.push_back(std::move(text));
  }
  return texts;
}

// No names mean all functions.
Result<std::vector<const Function*>> meant(const Call& call) {
  BRINE_LET(const std::vector<std::string> patterns, texts_of(call.args));
  std::vector<const Function*> found;
  for (const auto& [name, function] : call.registry->all()) {
    const bool wanted = std::ranges::any_of(patterns, [&](const std::string& pattern) { return is_meant(name, pattern); });
    if (wanted || patterns.empty()) found.push_back(&function);
  }
  return found;
}

Result<Outcome> doc(const Call& call) {
  BRINE_LET(const std::vector<const Function*> functions, meant(call));
  Json docs = Json::object();
  for (const Function* function : functions) docs[function->name] = fmt::format("{}\n\n{}", signature_of(*function), function->doc);
  return Outcome{.value = std::move(docs)};
}

Result<Outcome> list_modules(const Call& call) {
  BRINE_LET(const std::vector<const Function*> functions, meant(call));
  std::set<std::string> modules;
  for (const Function* function : functions) modules.insert(module_of(function->name));
  return Outcome{.value = modules};
}

Result<Outcome> list_functions(const Call& call) {
  BRINE_LET(const std::vector<const Function*> functions, meant(call));
  Json names = Json::array();
  for (const Function* function : functions) names.push_back(function->name);
  return Outcome{.value = std::move(names)};
}

// Salt's form: defaults belong to the last so many of args; varargs and kwargs are true or null.
Json argspec_of(const Function& function) {
  Json spec = {{"args", Json::array()}, {"defaults", Json::array()}, {"varargs", nullptr}, {"kwargs", nullptr}};
  for (const Parameter& parameter : function.parameters) {
    if (parameter.variadic) {
      spec["varargs"] = true;
    } else if (parameter.keywords) {
      spec["kwargs"] = true;
    } else {
      spec["args"].push_back(parameter.name);
      if (!parameter.fallback.empty()) spec["defaults"].push_back(Json::parse(parameter.fallback));
    }
  }
  if (spec["defaults"].empty()) spec["defaults"] = nullptr;
  return spec;
}

Result<Outcome> argspec(const Call& call) {
  BRINE_LET(const std::vector<const Function*> functions, meant(call));
  Json specs = Json::object();
  for (const Function* function : functions) specs[function->name] = argspec_of(*function);
  return Outcome{.value = std::move(specs)};
}

}  // namespace

void add_sys_functions(Registry& registry) {
  const std::vector<Parameter> names{{.name = "names", .variadic = true}};
  const auto add = [&](std::string name, std::string text, Result<Outcome> (*body)(const Call&)) {
    registry.add({.name = std::move(name), .parameters = names, .doc = std::move(text), .repeatable = true, .body = body});
  };
  add("sys.doc",
      "The documentation of these functions or modules; of all without a name.\n\n    brine '*' sys.doc\n    brine '*' sys.doc cmd "
      "test.ping",
      doc);
  add("sys.list_modules", "The names of the modules.\n\n    brine '*' sys.list_modules\n    brine '*' sys.list_modules 's*'", list_modules);
  add("sys.list_functions", "The names of the functions, of these modules or of all.\n\n    brine '*' sys.list_functions cmd",
      list_functions);
  add("sys.argspec", "The parameters of these functions or modules.\n\n    brine '*' sys.argspec cmd.run", argspec);
}

}  // namespace brine::minion
