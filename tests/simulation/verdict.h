// Compares what was seen with what the store holds in the end.
#pragma once

#include <string>
#include <vector>

#include "tests/simulation/history.h"
#include "tests/simulation/shared_memory.h"

namespace brine::simulation {

// What is wrong: LOST, DOUBLED, MISREPORTED, INVENTED, UNDELIVERED, WRONG. Empty: nothing.
std::vector<std::string> judge(const History& history, const SharedMemory& server);

}  // namespace brine::simulation
