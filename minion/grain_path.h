// A value inside nested grains: "ip4_interfaces:eth0:0".
#pragma once

#include <string_view>

#include "minion/function.h"

namespace brine::minion {

// Salt's rules (traverse_dict_and_list): a part is a key of an object, an index of a list, or a key of the first object in a list that has
// it. A key that contains the delimiter is found when it is the whole path. Null when there is nothing; points into value.
const Json* find_grain(const Json& value, std::string_view path, std::string_view delimiter);

}  // namespace brine::minion
