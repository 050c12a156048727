// What the mains of the daemons share: signals and exit statuses.
#pragma once

#include "base/clock.h"

namespace brine {

// sysexits.h; what systemd and scripts look at.
inline constexpr int kExitUnavailable = 69;  // a port or store that we cannot have
inline constexpr int kExitConfig = 78;

// Blocks SIGTERM, SIGINT and SIGHUP in the calling thread (and those it starts later) and ignores SIGPIPE. Call first in main().
void block_stop_signals();

// Waits for SIGTERM or SIGINT, at most this long. True when one came.
bool wait_for_stop(milliseconds longest);

}  // namespace brine
