/* Says that it is of a later version. */
#include "brine_returner.h"

const brine_returner_plugin* brine_returner_plugin_v1(void) {
  static const brine_returner_plugin plugin = {BRINE_RETURNER_ABI_VERSION + 1, NULL, NULL, NULL};
  return &plugin;
}
