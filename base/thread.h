// A thread with a name that `ps -L` shows (docs/threading.md lists them).
#pragma once

#include <functional>
#include <string>
#include <thread>

namespace brine {

// Starts body on a new thread called name (at most 15 characters). Signals that the daemons handle stay blocked on it.
std::jthread start_thread(std::string name, std::function<void(std::stop_token)> body);

}  // namespace brine
