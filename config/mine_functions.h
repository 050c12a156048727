// The key mine_functions, in the forms that Salt knows:
//
//   mine_functions:
//     test.ping: []                          # a function without arguments
//     network.ip_addrs: [eth0]               # arguments; a map in the list, or in its place, gives them by name
//     addr:                                  # an alias for
//       - mine_function: grains.get
//       - ipv4:0
//       - {delimiter: ':'}
//       - {allow_tgt: 'G@role:proxy', allow_tgt_type: compound}
//   mine_functions: [test.ping, {addr: [...]}]
#pragma once

#include <string>
#include <vector>

#include "config/schema.h"

namespace brine::config {

struct MineFunction {
  std::string name;      // under which it is published
  std::string function;  // that makes the value
  std::string args = "[]";
  std::string kwargs = "{}";  // JSON, both
  std::string allow_tgt;      // empty: everyone
  std::string allow_tgt_type = "glob";
};

void declare_mine_functions(Schema& schema, std::vector<MineFunction>& functions);

}  // namespace brine::config
