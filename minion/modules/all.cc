#include "minion/modules/all.h"

#include "minion/modules/cmd.h"
#include "minion/modules/grains.h"
#include "minion/modules/mine.h"
#include "minion/modules/network.h"
#include "minion/modules/saltutil.h"
#include "minion/modules/sys.h"
#include "minion/modules/test.h"

namespace brine::minion {

void add_all_functions(Registry& registry) {
  add_cmd_functions(registry);
  add_grains_functions(registry);
  add_mine_functions(registry);
  add_network_functions(registry);
  add_saltutil_functions(registry);
  add_sys_functions(registry);
  add_test_functions(registry);
}

}  // namespace brine::minion
