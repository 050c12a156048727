// How fast the ledger writes returns to a store, each acknowledged only when the store has it. No network towards minions.
#pragma once

#include "store/state_store.h"

namespace brine::loadtest {

struct LedgerFigures {
  double returns_per_second = 0;  // from the queue to the acknowledgement
  double us_per_return = 0;       // CPU of this process, the driver that makes the returns included
};

// Publishes 30 jobs of 10,000 minions and hands all their returns over in lots of 64, 300 bytes each. Ends the process when the store
// fails.
LedgerFigures measure_ledger(store::StateStore& store);

// Of this process, all threads.
double cpu_seconds_of_process();
// Ends the process with this text unless it is so.
void require(bool ok, const char* what);

}  // namespace brine::loadtest
