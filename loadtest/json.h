// JSON as configuration, commands and reports of the load test use it. The library comes with the functions of the minion.
#pragma once

#include "minion/function.h"

namespace brine::loadtest {

using minion::Json;

}  // namespace brine::loadtest
