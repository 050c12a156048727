// key.*: what brine-key asks for.
#include <algorithm>
#include <future>

#include "master/runners.h"
#include "net/key_files.h"
#include "target/expression.h"

namespace brine::master {
namespace {

using Change = engine::KeyAuthority::Change;

Json ids(const std::vector<MinionId>& list) {
  Json json = Json::array();
  for (const MinionId& id : list) json.push_back(id.str());
  return json;
}

Json lists(const engine::KeyList& list) {
  return {{"minions", ids(list.accepted)},
          {"minions_pre", ids(list.pending)},
          {"minions_rejected", ids(list.rejected)},
          {"minions_denied", ids(list.denied)}};
}

bool flag(const RunnerCall& call, std::size_t place, const std::string& name) {
  const Json value = call.get(place, name);
  return value.is_boolean() && value.get<bool>();
}

Result<std::function<bool(const MinionId&)>> matcher(const RunnerCall& call) {
  const Json match = call.get(0, "match");
  BRINE_LET(const target::Expression expression,
            target::parse(target::Kind::kGlob, match.is_string() ? match.get<std::string>() : match.dump()));
  return [expression](const MinionId& id) { return expression.matches({.id = id.str(), .grains = nullptr}); };
}

Result<std::function<bool(const MinionId&)>> every_id() {
  return [](const MinionId&) { return true; };
}

Result<Json> change(const RunnerContext& context, Change what, const RunnerCall& call) {
  engine::KeyAuthority::Selection selection;
  BRINE_LET(selection.matches, matcher(call));
  const bool all = what == Change::kDelete;
  selection.accepted = all || flag(call, 1, "include_accepted");
  selection.rejected = all || flag(call, 2, "include_rejected");
  selection.denied = all || flag(call, 3, "include_denied");
  std::promise<Result<engine::KeyList>> promise;
  auto answer = promise.get_future();
  context.engine.change_keys(what, selection, [&](Result<engine::KeyList> result) { promise.set_value(std::move(result)); });
  BRINE_LET(const engine::KeyList changed, answer.get());
  return lists(changed);
}

Result<Json> kinds(const RunnerContext& context, const RunnerCall& call) {
  BRINE_LET(const auto matches, call.get(0, "match").is_null() ? every_id() : matcher(call));
  return ask<Json>(context.engine, [&](const engine::Engine::View& view) {
    Json result = Json::object();
    for (const MinionId& id : view.keys.accepted()) {
      if (matches(id)) result[id.str()] = engine::to_string(view.keys.find(id)->kind);
    }
    return result;
  });
}

Result<Json> describe(const RunnerContext& context, const RunnerCall& call, const std::function<std::string(const std::string&)>& text) {
  BRINE_LET(const auto matches, matcher(call));
  return ask<Json>(context.engine, [&](const engine::Engine::View& view) {
    const auto describe_list = [&](const std::vector<MinionId>& list, bool denied) {
      Json object = Json::object();
      for (const MinionId& id : list) {
        const store::KeyRecord* record = view.keys.find(id, denied);
        if (record != nullptr && matches(id)) object[id.str()] = text(record->public_key);
      }
      return object;
    };
    const engine::KeyList list = view.keys.list();
    Json result{
        {"local", {{"root.pub", text(context.identity.root_public_key())}, {"master.pub", text(context.identity.key().public_key())}}}};
    result["minions"] = describe_list(list.accepted, false);
    result["minions_pre"] = describe_list(list.pending, false);
    result["minions_rejected"] = describe_list(list.rejected, false);
    result["minions_denied"] = describe_list(list.denied, true);
    return result;
  });
}

}  // namespace

void add_key_runners(Runners& runners, const RunnerContext& context) {
  const std::vector<std::string> parameters{"match", "include_accepted", "include_rejected", "include_denied"};
  runners.add({"key.list", "key.list()", 0, {}, "All keys by state.", [context](const RunnerCall&) -> Result<Json> {
                 return ask<Json>(context.engine, [](const engine::Engine::View& view) { return lists(view.keys.list()); });
               }});
  runners.add({"key.accept", "key.accept(match, [include_rejected], [include_denied])", 1, parameters,
               "Accepts the keys whose ids match the glob.",
               [context](const RunnerCall& call) { return change(context, Change::kAccept, call); }});
  runners.add({"key.reject", "key.reject(match, [include_accepted], [include_denied])", 1, parameters,
               "Rejects the keys whose ids match the glob.",
               [context](const RunnerCall& call) { return change(context, Change::kReject, call); }});
  runners.add({"key.delete", "key.delete(match)", 1, parameters, "Forgets the keys whose ids match the glob; their sessions end.",
               [context](const RunnerCall& call) { return change(context, Change::kDelete, call); }});
  runners.add(
      {"key.kinds",
       "key.kinds([match])",
       0,
       {"match"},
       "What holds the accepted keys whose ids match the glob: minion, ephemeral (a minion that is forgotten when it is away) or syndic.",
       [context](const RunnerCall& call) { return kinds(context, call); }});
  runners.add({"key.finger",
               "key.finger(match)",
               1,
               {"match"},
               "Fingerprints of the keys whose ids match the glob, and the master's own.",
               [context](const RunnerCall& call) {
                 return describe(context, call, [](const std::string& key) { return net::fingerprint(key); });
               }});
  runners.add(
      {"key.print", "key.print(match)", 1, {"match"}, "The public keys whose ids match the glob.", [context](const RunnerCall& call) {
         return describe(context, call, [](const std::string& key) { return net::public_key_text(key); });
       }});
}

}  // namespace brine::master
