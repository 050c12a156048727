// Events, as the engine sees them: to the bus of this machine, and those of this master that event_return names to the outbox.
#pragma once

#include <atomic>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "config/master_config.h"
#include "engine/ledger.h"
#include "engine/ports.h"
#include "net/event_bus.h"
#include "target/glob.h"

namespace brine::master {

// Thread-safe.
class EventPort final : public engine::EventSink {
 public:
  // kInvalid for a glob that is too long. bus and clock must outlive it.
  static Result<std::unique_ptr<EventPort>> make(net::EventPublisher& bus, const Clock& clock, const config::MasterConfig& config);

  // Before the first event. The ledger takes what goes to the outbox, and must outlive the last event.
  void attach(engine::Ledger& ledger) { ledger_ = &ledger; }

  bool wanted() const override { return keeps_ || bus_.has_subscribers(); }
  bool wants_returns() const override { return keeps_returns_ || bus_.has_subscribers(); }
  void publish(std::string_view tag, std::string json, engine::Origin origin) override;

 private:
  EventPort(net::EventPublisher& bus, const Clock& clock, std::string prefix) : bus_(bus), clock_(clock), prefix_(std::move(prefix)) {}
  bool keeps(std::string_view tag) const;

  net::EventPublisher& bus_;
  const Clock& clock_;
  const std::string prefix_;  // of the ids of this process
  bool keeps_ = false;
  bool keeps_returns_ = false;
  std::vector<target::Glob> white_, black_;
  engine::Ledger* ledger_ = nullptr;
  std::atomic<std::uint64_t> given_{0};
};

}  // namespace brine::master
