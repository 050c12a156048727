#include "minion/modules/mine.h"

#include <fmt/format.h>

#include "mine/access.h"
#include "minion/arguments.h"
#include "minion/grains.h"
#include "minion/mine.h"

namespace brine::minion {
namespace {

Result<Mine*> mine_of(const Call& call) {
  if (call.mine != nullptr) return call.mine;
  return fail(Code::kUnsupported,
              fmt::format("{} needs brine-minion's connection to its master, which brine-call does not have: run it as a "
                          "job, as in brine '<this minion>' {} ...",
                          call.function, call.function));
}

// "a,b", or a list.
Result<std::vector<std::string>> names_in(const Arguments& arguments, const std::string& parameter) {
  const Json& value = arguments.json(parameter);
  std::vector<std::string> names;
  if (value.is_array()) {
    for (const Json& item : value) {
      BRINE_LET(std::string name, text_of(item, parameter));
      names.push_back(std::move(name));
    }
    return names;
  }
  BRINE_LET(const std::string text, arguments.text(parameter));
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t comma = std::min(text.find(',', from), text.size());
    names.push_back(text.substr(from, comma - from));
    from = comma + 1;
  }
  return names;
}

// A list of targets is one text, as the command line has it.
Result<std::string> target_in(const Arguments& arguments, const std::string& parameter) {
  const Json& value = arguments.json(parameter);
  if (!value.is_array()) return arguments.text(parameter);
  std::string all;
  for (const Json& item : value) {
    BRINE_LET(const std::string one, text_of(item, parameter));
    all += (all.empty() ? "" : ",") + one;
  }
  return all;
}

Result<Outcome> get(const Call& call) {
  BRINE_LET(Mine* const mine, mine_of(call));
  const Arguments arguments(call);
  MineQuestion question;
  BRINE_LET(question.target, target_in(arguments, "tgt"));
  BRINE_LET(question.target_kind, arguments.text("tgt_type"));
  BRINE_LET(const std::vector<std::string> names, names_in(arguments, "fun"));
  BRINE_LET(const bool without_self, arguments.flag("exclude_minion"));
  Json all = Json::object();
  for (const std::string& name : names) {
    question.name = name;
    BRINE_LET(Json found, mine->get(question, *call.cancelled));
    if (without_self) found.erase(call.grains->items().value("id", ""));
    if (names.size() == 1) return Outcome{.value = std::move(found)};
    all[name] = std::move(found);
  }
  return Outcome{.value = std::move(all)};
}

Result<Outcome> send(const Call& call) {
  BRINE_LET(Mine* const mine, mine_of(call));
  const Arguments arguments(call);
  MineFunction function;
  BRINE_LET(function.name, arguments.text("name"));
  function.function = function.name;
  if (arguments.given("mine_function")) {
    BRINE_LET(function.function, arguments.text("mine_function"));
  }
  BRINE_LET(const std::string kind, arguments.text("allow_tgt_type"));
  BRINE_LET(const std::string target, target_in(arguments, "allow_tgt"));
  function.args = call.args;
  for (const auto& [name, value] : call.kwargs) {
    if (name != "name" && name != "mine_function" && name != "allow_tgt" && name != "allow_tgt_type") function.kwargs[name] = value;
  }
  BRINE_LET(const Json value, run_mine_function(function, call));
  BRINE_TRY(mine->publish(function.name, value, mine::access_text(kind, target), true));
  return Outcome{.value = true};
}

Result<Outcome> forget(const Call& call) {
  BRINE_LET(Mine* const mine, mine_of(call));
  BRINE_LET(const std::string name, Arguments(call).text("fun"));
  BRINE_LET(const bool removed, mine->remove(name));
  return Outcome{.value = removed};
}

Result<Outcome> flush(const Call& call) {
  BRINE_LET(Mine* const mine, mine_of(call));
  BRINE_TRY(mine->remove_all());
  return Outcome{.value = true};
}

// In this thread, one after the other: waiting for others of the pool could be waiting for oneself.
Result<Outcome> update(const Call& call) {
  BRINE_LET(Mine* const mine, mine_of(call));
  BRINE_LET(const bool clear, Arguments(call).flag("clear"));
  if (clear) BRINE_TRY(mine->remove_all());
  Json failures = Json::object();
  for (const MineFunction& function : mine->functions()) {
    const auto value = run_mine_function(function, call);
    const Status published = value ? mine->publish(function.name, *value, function.allow, false) : Status(std::unexpected(value.error()));
    if (!published) failures[function.name] = published.error().message;
  }
  if (failures.empty()) return Outcome{.value = true};
  return Outcome{.value = std::move(failures), .retcode = kFailed};
}

Result<Outcome> valid(const Call& call) {
  BRINE_LET(Mine* const mine, mine_of(call));
  Json all = Json::object();
  for (const MineFunction& function : mine->functions()) {
    Json arguments = function.args;
    if (arguments.is_null()) arguments = Json::array();
    if (!function.kwargs.empty()) arguments.push_back(function.kwargs);
    all[function.name] = {{function.function, std::move(arguments)}};
  }
  return Outcome{.value = std::move(all)};
}

}  // namespace

Result<Json> run_mine_function(const MineFunction& function, const Call& surroundings) {
  if (function.function.starts_with("mine.")) return fail(Code::kInvalid, "functions of the mine cannot be published in it");
  Call call = surroundings;
  call.function = function.function;
  call.args = function.args;
  call.kwargs = function.kwargs;
  Outcome outcome = run(*call.registry, call);
  if (outcome.retcode == 0) return std::move(outcome.value);
  return fail(Code::kInvalid, fmt::format("{} failed: {}", function.function,
                                          outcome.value.is_string() ? outcome.value.get<std::string>() : dumped(outcome.value)));
}

void add_mine_functions(Registry& registry) {
  const Parameter fun{.name = "fun"};
  const auto add = [&registry](std::string name, std::vector<Parameter> parameters, std::string doc, bool repeatable,
                               Result<Outcome> (*body)(const Call&)) {
    registry.add(
        {.name = std::move(name), .parameters = std::move(parameters), .doc = std::move(doc), .repeatable = repeatable, .body = body});
  };
  add("mine.get", {{.name = "tgt"}, fun, {.name = "tgt_type", .fallback = "\"glob\""}, {.name = "exclude_minion", .fallback = "false"}},
      "What minions have published under a name, as far as this one may read it; several names: a list, or a,b.\n\n    brine '*' "
      "mine.get 'role:web' addr tgt_type=grain",
      true, get);
  add("mine.send",
      {{.name = "name"},
       {.name = "args", .variadic = true},
       {.name = "mine_function", .fallback = "null"},
       {.name = "allow_tgt", .fallback = "null"},
       {.name = "allow_tgt_type", .fallback = "\"glob\""},
       {.name = "kwargs", .keywords = true}},
      "Runs a function and publishes what it returns, until mine.delete.\n\n    brine '*' mine.send grains.get os\n    brine web1 "
      "mine.send "
      "addr mine_function=grains.get ipv4:0 allow_tgt='proxy*'",
      false, send);
  add("mine.delete", {fun},
      "Takes one entry back. A configured one is published again after mine_interval.\n\n    brine '*' mine.delete addr", true, forget);
  add("mine.flush", {}, "Takes all entries back.\n\n    brine '*' mine.flush", true, flush);
  add("mine.update", {{.name = "clear", .fallback = "false"}},
      "Runs the configured mine_functions now; what has changed is sent.\n\n    brine '*' mine.update", true, update);
  add("mine.valid", {}, "The configured mine_functions.\n\n    brine '*' mine.valid", true, valid);
}

}  // namespace brine::minion
