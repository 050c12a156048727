// test.*: is the minion there, and does it behave as told.
#pragma once

#include "minion/function.h"

namespace brine::minion {

void add_test_functions(Registry& registry);

}  // namespace brine::minion
