// Waiting for a socket on a drain's thread: bounded, and soon over once a stop is requested.
#pragma once

#include <stop_token>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace brine::returners {

// Returns when one of events of poll(2), an error or a hang-up is there. kTimeout when deadline has passed, kUnavailable a moment after a
// stop was requested: "what" is in the message.
Status wait_for_socket(int fd, short events, MonoTime deadline, const std::stop_token& stop, std::string_view what);

}  // namespace brine::returners
