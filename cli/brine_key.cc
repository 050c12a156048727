#include "cli/brine_key.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/exit_status.h"
#include "cli/gen_keys.h"
#include "cli/key_change.h"
#include "cli/master_settings.h"
#include "cli/member_change.h"
#include "cli/output/key_lists.h"
#include "cli/token_change.h"
#include "target/glob.h"

namespace brine::cli {
namespace {

constexpr const char* kUsage = "brine-key [options]";

constexpr const char* kAbout =
    "Shows and changes the keys of minions. A minion whose key is accepted may be sent jobs. Without an action it lists all keys.\n"
    "Changes are asked about first, unless -y is given; IDS is a glob of minion ids.";

constexpr const char* kExamples =
    "Examples:\n"
    "  brine-key -L                  all keys by state\n"
    "  brine-key -f web1             the fingerprint, to compare with what the minion shows\n"
    "  brine-key -a 'web*'           accept, after a question\n"
    "  brine-key -A -y --out json    accept all that wait, and print which\n"
    "  brine-key -d web1             forget; its session ends at once\n"
    "  brine-key --token-create --uses 10 --expires 24h --ephemeral --id 'web*'\n"
    "                                let ten minions of an autoscaling group in\n"
    "\n"
    "Exit status: 0 done, 1 the master could not or you declined, 3 no key matched, 4 usage or connection.\n";

Status choose(KeyCommand& command, KeyAction action) {
  if (command.action)
    return fail(Code::kInvalid,
                "one action at a time: give only one of -L -l -a -A -r -R -d -D -f -F -p -P --masters --master-add --master-remove "
                "--token-create --token-list "
                "--token-delete --gen-keys");
  command.action = action;
  return {};
}

void add_action(Options& options, KeyCommand& command, char letter, const char* name, const char* value_name, KeyAction action,
                const char* help) {
  options.option(letter, name, value_name, help, [&command, action](std::string_view value) -> Status {
    BRINE_TRY(choose(command, action));
    command.match = value;
    return {};
  });
}

void add_action_for_all(Options& options, KeyCommand& command, char letter, const char* name, KeyAction action, const char* help) {
  options.option(letter, name, "", help, [&command, action](std::string_view) -> Status {
    command.everything = true;
    return choose(command, action);
  });
}

void add_actions(Options& options, KeyCommand& command) {
  add_action_for_all(options, command, 'L', "list-all", KeyAction::kList, "list all keys by state");
  add_action(options, command, 'l', "list", "STATE", KeyAction::kList, "list the keys of a state: acc, pre (or un), rej, den, all");
  add_action(options, command, 'a', "accept", "IDS", KeyAction::kAccept, "accept waiting keys");
  add_action_for_all(options, command, 'A', "accept-all", KeyAction::kAccept, "accept all waiting keys");
  add_action(options, command, 'r', "reject", "IDS", KeyAction::kReject, "reject waiting keys");
  add_action_for_all(options, command, 'R', "reject-all", KeyAction::kReject, "reject all waiting keys");
  add_action(options, command, 'd', "delete", "IDS", KeyAction::kDelete, "forget keys, whatever their state");
  add_action_for_all(options, command, 'D', "delete-all", KeyAction::kDelete, "forget all keys");
  add_action(options, command, 'f', "finger", "IDS", KeyAction::kFinger, "show fingerprints");
  add_action_for_all(options, command, 'F', "finger-all", KeyAction::kFinger, "show all fingerprints, the master's own too");
  add_action(options, command, 'p', "print", "IDS", KeyAction::kPrint, "show public keys");
  add_action_for_all(options, command, 'P', "print-all", KeyAction::kPrint, "show all public keys");
  options.option(0, "masters", "", "list the masters of the cluster and the fingerprints of their keys",
                 [&command](std::string_view) { return choose(command, KeyAction::kMasterList); });
  add_action(options, command, 0, "master-add", "NAME", KeyAction::kMasterAdd,
             "add the master that asks to join under this name; needs root.key");
  add_action(options, command, 0, "master-remove", "NAME", KeyAction::kMasterRemove, "withdraw a master; needs root.key");
  options.option(0, "token-create", "", "make a join token, which lets minions in without being accepted, and print it",
                 [&command](std::string_view) { return choose(command, KeyAction::kTokenCreate); });
  options.option(0, "token-list", "", "list join tokens, without their secrets",
                 [&command](std::string_view) { return choose(command, KeyAction::kTokenList); });
  add_action(options, command, 0, "token-delete", "ID", KeyAction::kTokenDelete, "forget a join token; keys that it has let in stay");
  add_action(options, command, 0, "gen-keys", "NAME", KeyAction::kGenerate, "make NAME.key and NAME.pub here; needs no master");
}

void add_token_options(Options& options, KeyCommand& command) {
  TokenWish& token = command.token;
  options.count(0, "uses", token.uses, "with --token-create: how many minions it lets in (1)");
  options.duration(0, "expires", token.expires, "with --token-create: how long it does so (1h)");
  options.flag(0, "ephemeral", token.ephemeral, "with --token-create: they are forgotten when they were away for presence_expiry");
  options.text(0, "id", "GLOB", token.ids, "with --token-create: only minions whose ids match");
}

Options declare(KeyCommand& command) {
  Options options("brine-key", kUsage, kAbout);
  add_actions(options, command);
  add_token_options(options, command);
  options.text(0, "gen-keys-dir", "DIR", command.gen_keys_dir, "where --gen-keys makes them (default: here)");
  options.option(0, "include-all", "", "with -a and -A also rejected and denied keys, with -r and -R also accepted and denied ones",
                 [&command](std::string_view) -> Status {
                   command.include_accepted = command.include_rejected = command.include_denied = true;
                   return {};
                 });
  options.flag(0, "include-accepted", command.include_accepted, "with -r and -R also accepted keys");
  options.flag(0, "include-rejected", command.include_rejected, "with -a and -A also rejected keys");
  options.flag(0, "include-denied", command.include_denied, "with -a, -A, -r and -R also denied keys");
  options.flag('y', "yes", command.yes, "do not ask");
  options.flag('q', "quiet", command.quiet, "print nothing about what was done");
  add_output_options(options, command.output);
  add_common_options(options, command.common);
  options.examples(kExamples);
  return options;
}

// The states that -l names; empty: there is no such name.
std::vector<std::string> states_named(const std::string& name) {
  if (name == "all") return {"minions", "minions_denied", "minions_pre", "minions_rejected"};
  if (name.starts_with("acc")) return {"minions"};
  if (name.starts_with("pre") || name.starts_with("un")) return {"minions_pre"};
  if (name.starts_with("rej")) return {"minions_rejected"};
  if (name.starts_with("den")) return {"minions_denied"};
  return {};
}

Status check(const KeyCommand& command, const std::vector<std::string>& rest) {
  if (!rest.empty())
    return fail(Code::kInvalid, fmt::format("'{}' belongs to no option; quote globs so that the shell leaves them alone", rest.front()));
  if (command.action == KeyAction::kList && states_named(command.match).empty())
    return fail(Code::kInvalid, fmt::format("'{}' is no state of keys; there are acc, pre (or un), rej, den and all", command.match));
  const TokenWish& token = command.token;
  const TokenWish none;
  const bool wished = token.uses != none.uses || token.expires != none.expires || token.ephemeral || token.ids != none.ids;
  if (wished && command.action != KeyAction::kTokenCreate)
    return fail(Code::kInvalid, "--uses, --expires, --ephemeral and --id go with --token-create");
  return {};
}

void show(const KeyCommand& command, const Json& lists, Terminal& terminal) {
  const Printer printer = command.output.printer(terminal);
  if (command.quiet) return;
  terminal.out(printer.for_programs() ? printer.value(lists) : key_lists_text(lists, printer.look()));
}

int list_keys(const KeyCommand& command, const AskMaster& ask, Terminal& terminal) {
  auto lists = ask_for_keys(ask, "key.list", Json::object(), terminal);
  if (!lists) return lists.error();
  Json wanted = Json::object();
  for (const std::string& state : states_named(command.match)) wanted[state] = lists->value(state, Json::array());
  show(command, wanted, terminal);
  return kSucceeded;
}

// The master's own keys are shown with -F and -P, or when the glob names them: brine-key -f master.pub.
Json matching_part(const KeyCommand& command, const Json& described, const target::Glob& glob) {
  Json result = Json::object();
  for (const auto& [state, keys] : described.items()) {
    result[state] = Json::object();
    for (const auto& [name, text] : keys.items()) {
      if (command.everything || state != "local" || glob.matches(name)) result[state][name] = text;
    }
  }
  return result;
}

bool holds_nothing(const Json& described) {
  return std::ranges::all_of(described.items(), [](const auto& state) { return state.value().empty(); });
}

int describe_keys(const KeyCommand& command, const AskMaster& ask, Terminal& terminal) {
  const auto glob = target::Glob::compile(command.match, target::Case::kSensitive);
  if (!glob) {
    terminal.err("brine-key: " + glob.error().what + "\n");
    return kUsageOrConnection;
  }
  const char* runner = command.action == KeyAction::kFinger ? "key.finger" : "key.print";
  const auto described = ask_for_keys(ask, runner, {{"match", command.match}}, terminal);
  if (!described) return described.error();
  const Json part = matching_part(command, *described, *glob);
  if (holds_nothing(part) && !command.everything) {
    terminal.err(fmt::format("The key glob '{}' does not match any keys.\n", command.match));
    return kNoMatch;
  }
  show(command, part, terminal);
  return kSucceeded;
}

int generate(const KeyCommand& command, Terminal& terminal) {
  if (auto made = generate_key_pair_files(command.gen_keys_dir, command.match); !made) {
    terminal.err("brine-key: " + made.error().message + "\n");
    return kFunctionFailed;
  }
  if (!command.quiet) terminal.out(fmt::format("Made {0}/{1}.key and {0}/{1}.pub\n", command.gen_keys_dir, command.match));
  return kSucceeded;
}

}  // namespace

Result<KeyCommand> read_key_command(std::span<const std::string> words) {
  KeyCommand command;
  const Options options = declare(command);
  BRINE_LET(const std::vector<std::string> rest, options.parse(words));
  command.answer = common_answer(options, command.common);
  if (!command.answer.empty()) return command;
  if (!command.action) {
    command.action = KeyAction::kList;
    command.everything = true;
  }
  if (command.action == KeyAction::kList && command.everything) command.match = "all";
  BRINE_TRY(check(command, rest));
  return command;
}

int run_key_action(const KeyCommand& command, const AskMaster& ask, Terminal& terminal) {
  switch (*command.action) {
    case KeyAction::kList: return list_keys(command, ask, terminal);
    case KeyAction::kFinger:
    case KeyAction::kPrint: return describe_keys(command, ask, terminal);
    case KeyAction::kGenerate: return generate(command, terminal);
    case KeyAction::kMasterList:
    case KeyAction::kMasterAdd:
    case KeyAction::kMasterRemove: return change_members(command, ask, terminal);
    case KeyAction::kTokenCreate:
    case KeyAction::kTokenList:
    case KeyAction::kTokenDelete: return change_tokens(command, ask, terminal);
    default: return change_keys(command, ask, terminal);
  }
}

int run_brine_key(std::span<const std::string> words, Terminal& terminal) {
  const auto command = read_key_command(words);
  if (!command) {
    terminal.err("brine-key: " + command.error().message + "\n");
    return kUsageOrConnection;
  }
  if (!command->answer.empty()) {
    terminal.out(command->answer);
    return kSucceeded;
  }
  if (command->action == KeyAction::kGenerate) return generate(*command, terminal);
  const auto settings = read_master_settings(command->common);
  if (!settings) {
    terminal.err("brine-key: " + settings.error().message + "\n");
    return kUsageOrConnection;
  }
  return run_key_action(*command, ask_over(settings->operator_sockets, -1), terminal);
}

}  // namespace brine::cli
