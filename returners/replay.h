// Returns of the past, once more (returners.replay): those of the jobs since a time, newest job first, out of the job records. What is not
// recorded any more does not come, and neither do events.
//
// The order is a setting of the store, which names how far it has come: so another master, or the next life of this one, goes on there.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "store/state_store.h"

namespace brine::returners {

// The setting's name.
std::string replay_setting(const std::string& returner);

// The order of an operator, given now; now tells it from others.
std::string replay_order(UnixMicros since, UnixMicros now);
// What tells it from others; 0: it is none.
UnixMicros replay_id(const std::string& order);

struct ReplayPage {
  std::vector<store::OutboxEntry> entries;  // without positions
  std::string rest;                         // the order for what follows; empty: that was all
};

// About max entries. kInvalid: the order is not one.
Result<ReplayPage> replay_page(const store::StateStore& store, const std::string& order, std::size_t max);

}  // namespace brine::returners
