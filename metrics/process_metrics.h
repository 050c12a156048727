// What every program shows of itself: the `process_*` families under their usual names, and `brine_build_info`.
#pragma once

#include "metrics/registry.h"

namespace brine::metrics {

void declare_process_metrics(Registry& registry);

}  // namespace brine::metrics
