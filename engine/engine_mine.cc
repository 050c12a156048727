// The engine's part about the mine: what minions publish, and who reads it.
#include "engine/engine.h"
#include "engine/event_text.h"
#include "mine/limits.h"

namespace brine::engine {
namespace {

constexpr std::size_t kMineOverhead = 256;
constexpr std::size_t kMaxMineBytes = 256U << 20;
constexpr std::size_t kMaxMineAnswer = 8U << 20;  // for a minion
constexpr std::size_t kMaxMineList = 48U << 20;   // for an operator

}  // namespace

void Engine::mine_changed(SessionRef session, MinionId id, store::MineChange change) {
  std::size_t bytes = kMineOverhead;
  for (const store::MineRecord& entry : change.entries) bytes += mine::bytes_of(entry.name, entry.value, entry.allow);
  const bool fits = mine_bytes_.fetch_add(bytes) <= kMaxMineBytes;
  const bool taken = fits && loop_.try_post([this, session, id = std::move(id), change = std::move(change), bytes] {
    mine_bytes_ -= bytes;
    const MinionId* holder = roster_.holder(session);
    if (holder == nullptr || *holder != id) return;
    mine_.change(id, change);
    if (change.whole && cluster_) cluster_->mine_told(id);
  });
  if (taken) return;
  mine_bytes_ -= bytes;
  turn_away(session);
}

Result<std::vector<MinionId>> Engine::resolve(const MineQuery& query) {
  BRINE_LET(const target::Kind kind, target::parse_kind(query.target_kind));
  BRINE_LET(const target::Expression expression, target::parse(kind, query.target, query.delimiter));
  return index_.resolve(expression);
}

void Engine::mine_get(MinionId reader, MineQuery query, std::function<void(std::string, std::string)> done) {
  auto shared = std::make_shared<std::function<void(std::string, std::string)>>(std::move(done));
  const bool taken =
      loop_.try_post([this, reader = std::move(reader), query = std::move(query), shared] { on_mine_get(reader, query, *shared); });
  if (!taken) (*shared)("", "the master is busy; try again");
}

void Engine::on_mine_get(const MinionId& reader, const MineQuery& query, const std::function<void(std::string, std::string)>& done) {
  mine_.counters().reads.fetch_add(1, std::memory_order_relaxed);
  const auto ids = resolve(query);
  if (!ids) return done("", ids.error().message);
  const target::MinionView view{.id = reader.str(), .grains = index_.grains(reader)};
  auto json = mine_.index().json(query.name, *ids, &view, kMaxMineAnswer);
  json ? done(std::move(*json), "") : done("", std::move(json.error().message));
}

void Engine::read_mine(MineQuery query, std::function<void(Result<std::vector<MineValue>>)> done) {
  describe_mine(std::move(query), {}, [done = std::move(done)](const Result<std::vector<Described>>& described) {
    if (!described) return done(std::unexpected(described.error()));
    std::vector<MineValue> values;
    values.reserve(described->size());
    for (const Described& value : *described) values.push_back(value.entry);
    done(std::move(values));
  });
}

bool Engine::is_present(const MinionId& id) const {
  const Minion* minion = roster_.find(id);
  if (minion == nullptr) return false;
  return minion->connected() || (minion->master_went && clock_.now() - minion->away_since < options_.board.reconnect_grace);
}

void Engine::describe_mine(MineQuery query, std::vector<std::string> grains, std::function<void(Result<std::vector<Described>>)> done) {
  loop_.post([this, query = std::move(query), grains = std::move(grains), done = std::move(done)] {
    mine_.counters().reads.fetch_add(1, std::memory_order_relaxed);
    const auto ids = resolve(query);
    if (!ids) return done(std::unexpected(ids.error()));
    std::vector<Described> all;
    std::size_t bytes = 0;
    std::size_t not_back = 0;  // since the start
    mine_.index().read(query.name, *ids, nullptr, [&](const MinionId& id, const mine::Index::Entry& entry) {
      bytes += entry.value.size();
      if (bytes > kMaxMineList) return;
      Described described{{id, entry.value, entry.allow, entry.changed, is_present(id)}, {}};
      const Minion* minion = roster_.find(id);
      if (!described.entry.present && minion != nullptr && !minion->seen) ++not_back;
      const target::Grains* known = grains.empty() ? nullptr : index_.grains(id);
      for (const std::string& grain : grains) described.grains.emplace_back(known == nullptr ? "" : known->text(grain).value_or(""));
      all.push_back(std::move(described));
    });
    if (bytes > kMaxMineList) return done(fail(Code::kFull, "the answer would be larger than 48 MiB: ask for fewer minions"));
    if (query.settled && not_back > 0 && clock_.now() < settled_at_)
      return done(fail(Code::kUnavailable, "this master has just started, and " + std::to_string(not_back) +
                                               " of these minions may still come back; ask again in some seconds"));
    done(std::move(all));
  });
}

void Engine::event_mine(const MinionId& id, const std::string& name, mine::Change change, Origin origin) {
  if (!events_.wanted()) return;
  const char* act = change == mine::Change::kAdded ? "add" : change == mine::Change::kChanged ? "change" : "remove";
  events_.publish("brine/mine/change", dump({{"id", id.str()}, {"fun", name}, {"act", act}}), origin);
}

}  // namespace brine::engine
