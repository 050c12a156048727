// A thread with a name that `ps -L` shows (docs/threading.md lists them).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <thread>

namespace brine {

// Whose hand moves what has threads of its own: theirs, or (in simulations) that of whoever calls turn(), so that all order is decided
// there.
enum class Drive : std::uint8_t { kThreads, kByHand };

// Starts body on a new thread called name (at most 15 characters). Signals that the daemons handle stay blocked on it.
std::jthread start_thread(std::string name, std::function<void(std::stop_token)> body);

}  // namespace brine
