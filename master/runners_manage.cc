// manage.*: who is here.
#include <algorithm>

#include "master/runners.h"

namespace brine::master {
namespace {

struct Presence {
  std::vector<std::string> up;
  std::vector<std::string> down;
};

Presence presence(const RunnerContext& context) {
  return ask<Presence>(context.engine, [](const engine::Engine::View& view) {
    Presence result;
    for (const auto& [id, minion] : view.roster.all()) (minion.connected() ? result.up : result.down).push_back(id.str());
    std::sort(result.up.begin(), result.up.end());
    std::sort(result.down.begin(), result.down.end());
    return result;
  });
}

// Those that are accepted, and below each the minions that come through it, by tier.
Json syndics(const engine::Engine::View& view) {
  Json all = Json::object();
  for (const store::KeyRecord& key : view.keys.records()) {
    if (key.kind == store::KeyKind::kSyndic && key.state == store::KeyState::kAccepted)
      all[key.id.str()] = Json{{"connected", false}, {"minions", 0}};
  }
  for (const auto& [id, gateway] : view.gateways.all()) {
    all[id.str()]["connected"] = true;
    all[id.str()]["address"] = gateway.address;
  }
  for (const auto& [id, minion] : view.roster.all()) {
    if (!minion.session) continue;
    for (const MinionId& gateway : minion.path) {
      Json& entry = all[gateway.str()];
      entry["connected"] = true;
      entry["minions"] = entry.value("minions", 0) + 1;
    }
  }
  return all;
}

Json behind(const engine::Engine::View& view) {
  Json paths = Json::object();
  for (const auto& [id, minion] : view.roster.all()) {
    if (minion.session && !minion.path.empty()) paths[id.str()] = engine::name_of_path(minion.path);
  }
  return paths;
}

}  // namespace

void add_manage_runners(Runners& runners, const RunnerContext& context) {
  runners.add({"manage.status",
               "manage.status()",
               0,
               {},
               "Accepted minions that hold a session (up), and those that do not (down).",
               [context](const RunnerCall&) -> Result<Json> {
                 const Presence now = presence(context);
                 return Json{{"up", now.up}, {"down", now.down}};
               }});
  runners.add({"manage.syndics",
               "manage.syndics()",
               0,
               {},
               "The accepted syndics: whether this master reaches them, and how many minions come through each.",
               [context](const RunnerCall&) -> Result<Json> { return ask<Json>(context.engine, syndics); }});
  runners.add({"manage.behind",
               "manage.behind()",
               0,
               {},
               "The syndics between this master and each minion that comes through some.",
               [context](const RunnerCall&) -> Result<Json> { return ask<Json>(context.engine, behind); }});
  runners.add({"manage.up", "manage.up()", 0, {}, "Accepted minions that hold a session.", [context](const RunnerCall&) -> Result<Json> {
                 return Json(presence(context).up);
               }});
  runners.add({"manage.joined",
               "manage.joined()",
               0,
               {},
               "Minions that are accepted and hold a session now.",
               [context](const RunnerCall&) -> Result<Json> { return Json(presence(context).up); }});
  runners.add({"manage.left",
               "manage.left()",
               0,
               {},
               "Minions that were accepted, ephemeral ones too, and hold no session now.",
               [context](const RunnerCall&) -> Result<Json> { return Json(presence(context).down); }});
  runners.add(
      {"manage.down", "manage.down()", 0, {}, "Accepted minions that hold no session.", [context](const RunnerCall&) -> Result<Json> {
         return Json(presence(context).down);
       }});
}

}  // namespace brine::master
