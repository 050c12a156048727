// Keys that users bring along from Salt or find in brine's documentation, and that this version accepts without effect.
#pragma once

#include "config/schema.h"

namespace brine::config {

void declare_known_master_keys(Schema& schema);
void declare_known_minion_keys(Schema& schema);

}  // namespace brine::config
