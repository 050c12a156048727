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
  runners.add({"manage.up", "manage.up()", 0, {}, "Accepted minions that hold a session.", [context](const RunnerCall&) -> Result<Json> {
                 return Json(presence(context).up);
               }});
  runners.add(
      {"manage.down", "manage.down()", 0, {}, "Accepted minions that hold no session.", [context](const RunnerCall&) -> Result<Json> {
         return Json(presence(context).down);
       }});
}

}  // namespace brine::master
