// cluster.*: the masters together.
#include <algorithm>
#include <future>

#include "master/runners.h"
#include "master/sharing.h"
#include "net/key_files.h"

namespace brine::master {
namespace {

Error alone() { return {Code::kUnsupported, "this master is alone: several masters need state.backend: redis"}; }

Json describe(const store::MasterCard& card, const std::string& self) {
  return {{"address", card.address},
          {"minions", card.minions},
          {"draining", card.draining},
          {"since", card.since / 1'000'000},
          {"this", card.id == self}};
}

Result<Json> status(const RunnerContext& context) {
  const engine::Peers* peers = context.engine.peers();
  if (peers == nullptr) return std::unexpected(alone());
  Json masters = Json::object();
  for (const store::MasterCard& card : peers->masters()) masters[card.id] = describe(card, peers->self());
  const engine::Ledger& ledger = context.engine.ledger();
  const auto end = context.engine.store().feed_end();
  const store::FeedPosition read = ledger.feed_position();
  return Json{{"masters", masters},
              {"store", ledger.available() ? "here" : "away: " + ledger.trouble()},
              {"lease", peers->leads() ? "held" : "lost"},
              {"feed_lag", end ? Json(end->counter - std::min(end->counter, read.counter)) : Json(nullptr)}};
}

Result<Json> drain(const RunnerContext& context, const RunnerCall& call, bool draining) {
  const engine::Peers* peers = context.engine.peers();
  if (peers == nullptr) return std::unexpected(alone());
  const Json wanted = call.get(0, "master");
  const std::string name = wanted.is_string() ? wanted.get<std::string>() : wanted.dump();
  const auto masters = peers->masters();
  if (std::none_of(masters.begin(), masters.end(), [&](const store::MasterCard& card) { return card.id == name; }))
    return fail(Code::kNotFound, "there is no master '" + name + "'; cluster.status lists them");
  const bool others = std::any_of(masters.begin(), masters.end(), [&](const store::MasterCard& c) { return c.id != name && !c.draining; });
  if (draining && !others) return fail(Code::kInvalid, "no other master would be left to take the minions of '" + name + "'");
  if (!context.engine.ledger().keep_setting(drain_setting(name), draining ? "1" : ""))
    return fail(Code::kBusy, "the master has too much to write; try again");
  return Json{{"master", name}, {"draining", draining}};
}

}  // namespace

void add_cluster_runners(Runners& runners, const RunnerContext& context) {
  runners.add({"cluster.status",
               "cluster.status()",
               0,
               {},
               "The masters that live, the minions on each, and how this one stands to the store.",
               [context](const RunnerCall&) { return status(context); }});
  runners.add({"cluster.minions",
               "cluster.minions()",
               0,
               {},
               "Which master each connected minion is on.",
               [context](const RunnerCall&) -> Result<Json> {
                 const engine::Peers* peers = context.engine.peers();
                 if (peers == nullptr) return std::unexpected(alone());
                 return ask<Json>(context.engine, [self = peers->self()](const engine::Engine::View& view) {
                   Json places = Json::object();
                   for (const auto& [id, minion] : view.roster.all()) {
                     if (minion.connected()) places[id.str()] = minion.session ? self : minion.elsewhere;
                   }
                   return places;
                 });
               }});
  runners.add({"cluster.drain",
               "cluster.drain(master)",
               1,
               {"master"},
               "Moves the minions of a master to the others; it takes no new ones.",
               [context](const RunnerCall& call) { return drain(context, call, true); }});
  runners.add(
      {"cluster.undrain", "cluster.undrain(master)", 1, {"master"}, "Lets a master take minions again.", [context](const RunnerCall& call) {
         return drain(context, call, false);
       }});
  runners.add(
      {"cluster.restore",
       "cluster.restore()",
       0,
       {},
       "Goes on with a store that was emptied or exchanged: puts the keys that this master knows into it. Jobs are not brought back.",
       [context](const RunnerCall&) -> Result<Json> {
         if (context.engine.ledger().available())
           return fail(Code::kInvalid, "the store is the one that it was: there is nothing to restore");
         std::promise<Status> promise;
         auto answer = promise.get_future();
         context.engine.restore_store([&](Status status) { promise.set_value(std::move(status)); });
         BRINE_TRY(answer.get());
         context.members->share_again();
         return Json{{"restored", true}};
       }});
  runners.add({"key.master_add",
               "key.master_add(name, [finger])",
               1,
               {"name", "finger"},
               "Adds the master that has asked to join under this name to the manifest; with a fingerprint, only if its key has it.",
               [context](const RunnerCall& call) -> Result<Json> {
                 const Json name = call.get(0, "name");
                 const Json finger = call.get(1, "finger");
                 return context.members->add(name.is_string() ? name.get<std::string>() : name.dump(),
                                             finger.is_string() ? finger.get<std::string>() : "");
               }});
  runners.add({"key.master_request",
               "key.master_request(name)",
               1,
               {"name"},
               "The fingerprint of the key with which a master asks to join.",
               [context](const RunnerCall& call) -> Result<Json> {
                 const Json name = call.get(0, "name");
                 return context.members->request(name.is_string() ? name.get<std::string>() : name.dump());
               }});
  runners.add({"key.master_remove",
               "key.master_remove(name)",
               1,
               {"name"},
               "Withdraws a master: its key is revoked, its jobs are refused.",
               [context](const RunnerCall& call) -> Result<Json> {
                 const Json name = call.get(0, "name");
                 return context.members->remove(name.is_string() ? name.get<std::string>() : name.dump());
               }});
  runners.add({"key.master_list",
               "key.master_list()",
               0,
               {},
               "The masters of the manifest, with the fingerprints of their keys.",
               [context](const RunnerCall&) { return context.members->list(); }});
}

}  // namespace brine::master
