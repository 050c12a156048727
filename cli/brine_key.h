// The program `brine-key`: the keys of minions, at their master.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "cli/arguments.h"
#include "cli/output/options.h"
#include "cli/runner_request.h"
#include "cli/terminal.h"

namespace brine::cli {

enum class KeyAction {
  kList,
  kAccept,
  kReject,
  kDelete,
  kFinger,
  kPrint,
  kGenerate,
  kMasterList,
  kMasterAdd,
  kMasterRemove,
  kTokenCreate,
  kTokenList,
  kTokenDelete
};

// Of a new join token.
struct TokenWish {
  std::uint32_t uses = 1;
  milliseconds expires{3'600'000};
  bool ephemeral = false;
  std::string ids = "*";  // glob
};

struct KeyCommand {
  Common common;
  OutputOptions output;
  std::optional<KeyAction> action;  // set after reading
  std::string match = "*";          // glob of ids; for kList the state: "all", "acc", ...; for kGenerate the name, for tokens the id
  TokenWish token;
  bool everything = false;  // -A, -R, -D, -F, -P: nothing to do is no failure
  bool include_accepted = false;
  bool include_rejected = false;
  bool include_denied = false;
  bool yes = false;
  bool quiet = false;
  std::string gen_keys_dir = ".";
  std::string answer;  // not empty: print it and be done
};

Result<KeyCommand> read_key_command(std::span<const std::string> words);

// Asks the user before it changes keys. The exit status.
int run_key_action(const KeyCommand& command, const AskMaster& ask, Terminal& terminal);

int run_brine_key(std::span<const std::string> words, Terminal& terminal);

}  // namespace brine::cli
