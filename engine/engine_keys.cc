// The engine's part about keys and join tokens: what follows when one is accepted, withdrawn, reaped.
#include "base/log.h"
#include "engine/engine.h"
#include "engine/event_text.h"

namespace brine::engine {
namespace {

constexpr std::size_t kReapedAtOnce = 256;

}  // namespace

void Engine::key_accepted(const MinionId& id) {
  if (keys_.find(id)->kind != store::KeyKind::kSyndic) {
    roster_.add(id);
    index_.add(id);
  }
  if (events_.wanted()) events_.publish("brine/key", dump({{"act", "accept"}, {"id", id.str()}}), origin_of_key_change());
}

// What another master has changed was told there.
Origin Engine::origin_of_key_change() const { return keys_.refreshing() ? Origin::kElsewhere : Origin::kHere; }

void Engine::forget_minion(const MinionId& id, std::string_view why) {
  bool write = !keys_.refreshing();
  if (Minion* minion = roster_.find(id)) {
    write |= minion->session.has_value();
    if (minion->session) gateway_.end_session(*minion->session, GoodbyeReason::kKeyChanged, std::string(why));
    board_.forget(id);
    roster_.remove(id);
    counters_.connected = static_cast<std::int64_t>(roster_.connected());
  }
  index_.erase(id);
  gateways_.withdrawn(id, why);
  mine_.forget(id, write);
}

void Engine::key_withdrawn(const MinionId& id, std::string_view why) {
  forget_minion(id, why);
  if (events_.wanted())
    events_.publish("brine/key", dump({{"act", "withdraw"}, {"id", id.str()}, {"reason", std::string(why)}}), origin_of_key_change());
}

// Of several masters one does it; what the store holds decides whether it is done.
void Engine::reap() {
  if (keys_.ephemeral() == 0 || !ledger_.available() || (cluster_ && !cluster_->is_first())) return;
  const MonoTime latest = clock_.now() - options_.presence_expiry;
  std::vector<store::Departure> gone;
  for (const auto& [id, minion] : roster_.all()) {
    if (minion.connected() || minion.gone_since > latest) continue;
    const store::KeyRecord* key = keys_.find(id);
    if (key == nullptr || key->kind != store::KeyKind::kEphemeral) continue;
    gone.push_back({id, key->version, minion.generation});
    if (gone.size() == kReapedAtOnce) break;
  }
  keys_.reap(gone);
}

void Engine::key_reaped(const MinionId& id) {
  counters_.reaped.fetch_add(1, std::memory_order_relaxed);
  log::info("{} was away for longer than presence_expiry: it is forgotten", id.str());
  forget_minion(id, "the minion was away for longer than presence_expiry");
  if (events_.wanted()) events_.publish("brine/key", dump({{"act", "reap"}, {"id", id.str()}}), Origin::kHere);
}

void Engine::token_shown(const AdmissionRequest& request, std::string_view token, TokenOutcome outcome) {
  if (!events_.wanted()) return;
  events_.publish("brine/auth",
                  dump({{"act", "token"},
                        {"result", std::string(to_string(outcome))},
                        {"token", std::string(token)},
                        {"id", request.id.str()},
                        {"address", request.address}}),
                  Origin::kHere);
}

void Engine::key_seen(const MinionId& id, std::string_view act, std::string_view address) {
  if (events_.wanted())
    events_.publish("brine/auth", dump({{"act", std::string(act)}, {"id", id.str()}, {"address", std::string(address)}}), Origin::kHere);
}

void Engine::change_keys(KeyAuthority::Change what, KeyAuthority::Selection selection, std::function<void(Result<KeyList>)> done) {
  loop_.post([this, what, selection = std::move(selection), done = std::move(done)] { keys_.change(what, selection, done); });
}

void Engine::create_token(store::TokenRecord token, std::function<void(Status)> done) {
  loop_.post([this, token = std::move(token), done = std::move(done)]() mutable { tokens_.create(std::move(token), std::move(done)); });
}

void Engine::forget_token(std::string id, std::function<void(Status)> done) {
  loop_.post([this, id = std::move(id), done = std::move(done)]() mutable { tokens_.forget(id, std::move(done)); });
}

}  // namespace brine::engine
