#include "engine/gateways.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/log.h"

namespace brine::engine {
namespace {

constexpr UnixMicros kClockSlack = 5'000'000;  // between masters

// An older word than the newest: the minion has gone elsewhere since.
bool has_moved(const std::vector<store::Attachment>& chain, const Minion& minion) {
  return chain.front().issued + kClockSlack < minion.since;
}

}  // namespace

void Gateways::opened(const GatewayOpened& opened) {
  const store::KeyRecord* key = parts_.keys.find(opened.id);
  const bool accepted = key != nullptr && key->state == store::KeyState::kAccepted && key->version == opened.key_version &&
                        key->kind == store::KeyKind::kSyndic;
  if (!accepted) return parts_.gateway.end_session(opened.session, GoodbyeReason::kKeyChanged, "the key is not accepted, or has changed");
  if (const auto before = gateways_.find(opened.id); before != gateways_.end())
    parts_.gateway.end_session(before->second.session, GoodbyeReason::kDisplaced, "the same syndic connected again");
  gateways_[opened.id] = {opened.session, opened.address, parts_.clock.unix_now()};
  log::info("syndic {} from {}", opened.id.str(), opened.address);
  tell(opened.id, "start", opened.address);
}

void Gateways::closed(SessionRef session) {
  const auto found =
      std::find_if(gateways_.begin(), gateways_.end(), [session](const auto& entry) { return entry.second.session == session; });
  if (found == gateways_.end()) return;
  log::warning("syndic {} is away", found->first.str());
  tell(found->first, "lost", found->second.address);
  gateways_.erase(found);
}

void Gateways::withdrawn(const MinionId& id, std::string_view why) {
  if (const auto found = gateways_.find(id); found != gateways_.end())
    parts_.gateway.end_session(found->second.session, GoodbyeReason::kKeyChanged, std::string(why));
  for (const auto& [behind, minion] : parts_.roster.all()) {
    if (minion.session && std::find(minion.path.begin(), minion.path.end(), id) != minion.path.end())
      parts_.gateway.end_session(*minion.session, GoodbyeReason::kKeyChanged, "its syndic is no longer accepted");
  }
}

bool Gateways::admits(const SessionOpened& opened, const Minion& minion) {
  const auto end = [&](GoodbyeReason reason, const std::string& why) {
    log::warning("syndic {} reports {}: {}", name_of_path(opened.path), opened.id.str(), why);
    parts_.gateway.end_session(opened.session, reason, why);
    return false;
  };
  if (const auto judged = judge(opened.chain); !judged) return end(GoodbyeReason::kKeyChanged, judged.error().message);
  if (has_moved(opened.chain, minion)) return end(GoodbyeReason::kDisplaced, "the minion has moved since");
  return true;
}

UnixMicros Gateways::trusted_until(const std::vector<store::Attachment>& chain) const {
  const Minion* minion = parts_.roster.find(chain.front().id);
  if (minion == nullptr || !judge(chain)) return 0;
  return has_moved(chain, *minion) ? minion->since + kClockSlack : std::numeric_limits<UnixMicros>::max();
}

// Whether those who signed are who they say: the minion's accepted key, and accepted syndics.
Status Gateways::judge(const std::vector<store::Attachment>& chain) const {
  for (std::size_t i = 0; i < chain.size(); ++i) {
    const store::KeyRecord* key = parts_.keys.find(chain[i].id);
    const bool accepted = key != nullptr && key->state == store::KeyState::kAccepted && key->public_key == chain[i].public_key;
    if (!accepted) return fail(Code::kDenied, "the key of " + chain[i].id.str() + " is not accepted, or has changed");
    if ((key->kind == store::KeyKind::kSyndic) != (i > 0))
      return fail(Code::kDenied, chain[i].id.str() + (i > 0 ? " is no syndic" : " is a syndic, not a minion"));
  }
  return {};
}

void Gateways::tell(const MinionId& id, std::string_view what, const std::string& address) const {
  if (!parts_.events.wanted()) return;
  const nlohmann::json data{{"id", id.str()}, {"address", address}};
  parts_.events.publish("brine/syndic/" + id.str() + "/" + std::string(what), data.dump(), Origin::kHere);
}

}  // namespace brine::engine
