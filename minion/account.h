// A user of this machine, as a command that runs as him needs it.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"

namespace brine::minion {

struct Account {
  std::string name;
  std::string home;
  std::string shell;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  // initgroups(3)
};

// Asks the name service (may read files or ask the network). kNotFound when there is no such user.
Result<Account> find_account(const std::string& name);
// The user that the minion runs as; kNotFound when its uid has no name. groups stays empty.
Result<Account> own_account();
// kNotFound when the gid has no name.
Result<std::string> group_name(gid_t gid);

}  // namespace brine::minion
