// Join tokens, as brine-key makes, lists and deletes them.
#pragma once

#include "cli/brine_key.h"

namespace brine::cli {

// kTokenCreate, kTokenList or kTokenDelete. The exit status. A new token is printed alone on standard output.
int change_tokens(const KeyCommand& command, const AskMaster& ask, Terminal& terminal);

}  // namespace brine::cli
