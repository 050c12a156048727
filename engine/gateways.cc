#include "engine/gateways.h"

namespace brine::engine {

std::optional<SessionRef> Gateways::open(const GatewayOpened& opened, UnixMicros now) {
  const std::optional<SessionRef> before = session_of(opened.id);
  gateways_[opened.id] = {opened.session, opened.address, now};
  return before;
}

std::optional<MinionId> Gateways::close(SessionRef session) {
  for (auto it = gateways_.begin(); it != gateways_.end(); ++it) {
    if (it->second.session != session) continue;
    MinionId id = it->first;
    gateways_.erase(it);
    return id;
  }
  return std::nullopt;
}

std::optional<SessionRef> Gateways::session_of(const MinionId& id) const {
  const auto found = gateways_.find(id);
  return found == gateways_.end() ? std::nullopt : std::optional(found->second.session);
}

Status Gateways::judge(const std::vector<store::Attachment>& chain) const {
  for (std::size_t i = 0; i < chain.size(); ++i) {
    const store::KeyRecord* key = keys_.find(chain[i].id);
    const bool accepted = key != nullptr && key->state == store::KeyState::kAccepted && key->public_key == chain[i].public_key;
    if (!accepted) return fail(Code::kDenied, "the key of " + chain[i].id.str() + " is not accepted, or has changed");
    if ((key->kind == store::KeyKind::kSyndic) != (i > 0))
      return fail(Code::kDenied, chain[i].id.str() + (i > 0 ? " is no syndic" : " is a syndic, not a minion"));
  }
  return {};
}

}  // namespace brine::engine
