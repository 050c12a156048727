// Accepting, rejecting and deleting keys: which ones, the question, and the result.
#pragma once

#include <expected>

#include "cli/brine_key.h"

namespace brine::cli {

// The answer of a runner, or the exit status after its failure has been printed.
std::expected<Json, int> ask_for_keys(const AskMaster& ask, const std::string& runner, const Json& kwargs, Terminal& terminal);

// kAccept, kReject or kDelete. The exit status: kNoMatch when the glob matches no key that this could change.
int change_keys(const KeyCommand& command, const AskMaster& ask, Terminal& terminal);

}  // namespace brine::cli
