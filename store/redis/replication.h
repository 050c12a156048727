// Replicas of the server, where state.durability asks for them.
#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "store/redis/connection.h"
#include "store/redis/layout.h"

namespace brine::store::redis {

// Waits until so many replicas have all that the server held when it was asked (WAIT; it covers what this connection has written, so
// something is written). kBusy: they have not within patience.
Status wait_for_replicas(Connection& connection, const Layout& layout, int replicas, milliseconds patience);

}  // namespace brine::store::redis
