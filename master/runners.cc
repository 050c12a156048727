#include "master/runners.h"

#include <algorithm>

#include "base/nearest.h"

namespace brine::master {
namespace {

Result<RunnerCall> parse_arguments(std::string_view text) {
  const Json value = text.empty() ? Json::object() : Json::parse(text, nullptr, false);
  if (!value.is_object()) return fail(Code::kInvalid, "arguments are a JSON object with args and kwargs");
  RunnerCall call;
  if (const auto args = value.find("args"); args != value.end() && args->is_array()) call.args = args->get<std::vector<Json>>();
  if (const auto kwargs = value.find("kwargs"); kwargs != value.end() && kwargs->is_object()) {
    for (const auto& [name, kwarg] : kwargs->items()) call.kwargs[name] = kwarg;
  }
  return call;
}

Status check(const Runner& runner, const RunnerCall& call) {
  const auto refuse = [&](const std::string& what) { return fail(Code::kInvalid, what + "; usage: " + runner.signature); };
  if (call.args.size() > runner.parameters.size()) return refuse("too many arguments");
  for (const auto& [name, value] : call.kwargs) {
    if (std::find(runner.parameters.begin(), runner.parameters.end(), name) == runner.parameters.end())
      return refuse("no parameter '" + name + "'");
  }
  for (std::size_t i = 0; i < runner.required; ++i) {
    if (call.get(i, runner.parameters[i]).is_null()) return refuse("'" + runner.parameters[i] + "' is missing");
  }
  return {};
}

}  // namespace

Json RunnerCall::get(std::size_t place, const std::string& name) const {
  if (place < args.size()) return args[place];
  const auto found = kwargs.find(name);
  return found == kwargs.end() ? Json() : found->second;
}

void Runners::add(Runner runner) { runners_.emplace(runner.name, std::move(runner)); }

Result<Json> Runners::run(std::string_view name, std::string_view arguments_json) const {
  const auto found = runners_.find(name);
  if (found == runners_.end()) {
    std::vector<std::string> names;
    for (const auto& [known, runner] : runners_) names.push_back(known);
    std::string message = "'" + std::string(name) + "' is not a runner";
    const auto near = nearest_names(name, names);
    for (std::size_t i = 0; i < near.size(); ++i) message += (i == 0 ? "; did you mean " : i + 1 == near.size() ? " or " : ", ") + near[i];
    return fail(Code::kInvalid, message + (near.empty() ? "; brine-run -d lists them" : "?"));
  }
  BRINE_LET(const RunnerCall call, parse_arguments(arguments_json));
  BRINE_TRY(check(found->second, call));
  return found->second.body(call);
}

void add_all_runners(Runners& runners, const RunnerContext& context) {
  add_cluster_runners(runners, context);
  add_job_runners(runners, context);
  add_key_runners(runners, context);
  add_manage_runners(runners, context);
  add_mine_runners(runners, context);
  add_returner_runners(runners, context);
  add_token_runners(runners, context);
  runners.add({"sys.doc",
               "sys.doc([runner])",
               0,
               {"runner"},
               "What runners there are, and what they do.",
               [&runners](const RunnerCall& call) -> Result<Json> {
                 const Json wanted = call.get(0, "runner");
                 Json docs = Json::object();
                 for (const auto& [name, runner] : runners.all()) {
                   if (!wanted.is_string() || name.starts_with(wanted.get<std::string>()))
                     docs[name] = runner.signature + "\n" + runner.doc;
                 }
                 return docs;
               }});
}

}  // namespace brine::master
