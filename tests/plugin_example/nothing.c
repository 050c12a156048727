/* A library, but no returner. */
#include "brine_returner.h"

BRINE_RETURNER_EXPORT int brine_returner_example_nothing(void);
int brine_returner_example_nothing(void) { return BRINE_RETURNER_ABI_VERSION; }
