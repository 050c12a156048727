#include "master/event_port.h"

#include "returners/filter.h"

namespace brine::master {
namespace {

// A tag that only a pattern for all returns matches.
constexpr std::string_view kAnyReturn = "brine/job/\x01/ret/\x01";

}  // namespace

Result<std::unique_ptr<EventPort>> EventPort::make(net::EventPublisher& bus, const Clock& clock, const config::MasterConfig& config) {
  std::unique_ptr<EventPort> port(new EventPort(bus, clock, config.id + ":" + std::to_string(clock.unix_now()) + ":"));
  BRINE_LET(port->white_, returners::compile_globs(config.event_return_whitelist));
  BRINE_LET(port->black_, returners::compile_globs(config.event_return_blacklist));
  port->keeps_ = !config.event_return.empty();
  port->keeps_returns_ = port->keeps_ && !returners::any_matches(port->black_, kAnyReturn);
  return port;
}

bool EventPort::keeps(std::string_view tag) const {
  return keeps_ && (white_.empty() || returners::any_matches(white_, tag)) && !returners::any_matches(black_, tag);
}

void EventPort::publish(std::string_view tag, std::string json, engine::Origin origin) {
  if (origin == engine::Origin::kHere && ledger_ != nullptr && keeps(tag))
    ledger_->keep_event({prefix_ + std::to_string(given_.fetch_add(1)), std::string(tag), json, clock_.unix_now()});
  if (bus_.has_subscribers()) bus_.publish(tag, std::move(json));
}

}  // namespace brine::master
