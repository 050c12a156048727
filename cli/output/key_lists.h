// Keys by state, as salt-key shows them. The four states in the order in which they are shown.
#pragma once

#include <array>
#include <string>

#include "cli/json.h"
#include "cli/output/look.h"

namespace brine::cli {

struct KeyState {
  const char* name;     // in the master's answers
  const char* heading;  // for people
};

inline constexpr std::array<KeyState, 4> kKeyStates{{{"minions", "Accepted Keys:"},
                                                     {"minions_denied", "Denied Keys:"},
                                                     {"minions_pre", "Unaccepted Keys:"},
                                                     {"minions_rejected", "Rejected Keys:"}}};

// {"minions": [ids]} or {"minions": {id: fingerprint}}, "local" too: a heading for every state that is in it, and below it a line per key,
// sorted. A state without fingerprints has no heading, one with an empty list has.
std::string key_lists_text(const Json& lists, const Look& look);

}  // namespace brine::cli
