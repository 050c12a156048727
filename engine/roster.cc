#include "engine/roster.h"

#include <algorithm>

namespace brine::engine {
namespace {

constexpr seconds kTakeoverWindow{60};
constexpr int kTakeoversThatAlarm = 3;

}  // namespace

std::string name_of_path(const std::vector<MinionId>& path) {
  std::string name;
  for (const MinionId& id : path) name += (name.empty() ? "" : "/") + id.str();
  return name;
}

Minion& Roster::add(const MinionId& id) {
  const auto [found, added] = minions_.try_emplace(id);
  if (added) found->second.away_since = found->second.gone_since = clock_.now();
  return found->second;
}

void Roster::remove(const MinionId& id) {
  const auto found = minions_.find(id);
  if (found == minions_.end()) return;
  if (found->second.session) sessions_.erase(*found->second.session);
  minions_.erase(found);
}

Minion* Roster::find(const MinionId& id) {
  const auto found = minions_.find(id);
  return found == minions_.end() ? nullptr : &found->second;
}

const Minion* Roster::find(const MinionId& id) const {
  const auto found = minions_.find(id);
  return found == minions_.end() ? nullptr : &found->second;
}

Roster::Opened Roster::open(Minion& minion, const SessionOpened& opened) {
  Opened result;
  const MonoTime now = clock_.now();
  if (minion.session) {
    result.displaced = minion.session;
    sessions_.erase(*minion.session);
    if (minion.instance != opened.instance) {
      if (now - minion.takeover_window > kTakeoverWindow) {
        minion.takeover_window = now;
        minion.takeovers = 0;
      }
      result.duplicate = ++minion.takeovers == kTakeoversThatAlarm;
    }
  }
  minion.previous_instance = minion.instance;
  minion.instance = opened.instance;
  minion.session = opened.session;
  minion.address = opened.address;
  minion.path = opened.path;
  minion.gateway_lost = false;
  minion.since = opened.chain.empty() ? clock_.unix_now() : opened.chain.front().issued;
  minion.left = false;
  minion.seen = true;
  minion.master_went = false;
  sessions_[opened.session] = opened.id;
  return result;
}

const MinionId* Roster::close(SessionRef session, EndReason reason) {
  const auto found = sessions_.find(session);
  if (found == sessions_.end()) return nullptr;
  closed_ = std::move(found->second);
  sessions_.erase(found);
  Minion& minion = minions_.at(closed_);
  minion.session.reset();
  minion.away_since = minion.gone_since = clock_.now();
  minion.left = reason == EndReason::kLeft;
  minion.gateway_lost = reason == EndReason::kGateway;
  return &closed_;
}

void Roster::lost_elsewhere(Minion& minion, bool left) {
  minion.elsewhere.clear();
  if (minion.session) return;
  minion.away_since = minion.gone_since = clock_.now();
  minion.left = left;
}

const MinionId* Roster::holder(SessionRef session) const {
  const auto found = sessions_.find(session);
  return found == sessions_.end() ? nullptr : &found->second;
}

const MinionId* Roster::journal_at(SessionRef session, JournalPosition position) {
  const MinionId* id = holder(session);
  if (id == nullptr) return nullptr;
  JournalPosition& known = minions_.at(*id).journal;
  if (position.epoch == known.epoch && position.sequence <= known.sequence) return nullptr;
  known = position;
  return id;
}

std::vector<MinionId> Roster::connected_ids() const {
  std::vector<MinionId> ids;
  ids.reserve(sessions_.size());
  for (const auto& [session, id] : sessions_) ids.push_back(id);
  std::sort(ids.begin(), ids.end());
  return ids;
}

}  // namespace brine::engine
