#include "cli/token_change.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>

#include "cli/exit_status.h"
#include "cli/key_change.h"

namespace brine::cli {
namespace {

std::string time_text(const Json& token, const char* key) {
  return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(static_cast<std::time_t>(token.value(key, std::int64_t{0}))));
}

std::string line_of(const std::string& id, const Json& token) {
  return fmt::format("{}: {}, {} of {} uses, until {}, ids {}{}", id, token.value("state", ""), token.value("used", 0),
                     token.value("uses", 0), time_text(token, "expires"), token.value("match", ""),
                     token.value("ephemeral", false) ? ", ephemeral" : "");
}

int create(const KeyCommand& command, const AskMaster& ask, Terminal& terminal) {
  const Json wanted{{"uses", command.token.uses},
                    {"expires", fmt::format("{}ms", command.token.expires.count())},
                    {"ephemeral", command.token.ephemeral},
                    {"match", command.token.ids}};
  const auto made = ask_for_keys(ask, "key.token_create", wanted, terminal);
  if (!made) return made.error();
  const Printer printer = command.output.printer(terminal);
  if (printer.for_programs()) {
    terminal.out(printer.value(*made));
    return kSucceeded;
  }
  terminal.out(made->value("token", "") + "\n");
  if (!command.quiet && terminal.out_is_terminal())
    terminal.err(fmt::format("Shown this once. It lets in {} until {}.\n",
                             command.token.uses == 1 ? "one minion" : fmt::format("{} minions", command.token.uses),
                             time_text(*made, "expires")));
  return kSucceeded;
}

int list(const KeyCommand& command, const AskMaster& ask, Terminal& terminal) {
  const auto tokens = ask_for_keys(ask, "key.token_list", Json::object(), terminal);
  if (!tokens) return tokens.error();
  const Printer printer = command.output.printer(terminal);
  if (command.quiet) return kSucceeded;
  if (printer.for_programs()) {
    terminal.out(printer.value(*tokens));
    return kSucceeded;
  }
  for (const auto& [id, token] : tokens->items()) terminal.out(printer.look().safe(line_of(id, token)) + "\n");
  return kSucceeded;
}

int forget(const KeyCommand& command, const AskMaster& ask, Terminal& terminal) {
  const auto gone = ask_for_keys(ask, "key.token_delete", {{"id", command.match}}, terminal);
  if (!gone) return gone.error();
  if (!command.quiet) {
    const Printer printer = command.output.printer(terminal);
    terminal.out(printer.for_programs() ? printer.value(*gone) : fmt::format("Join token {} deleted.\n", command.match));
  }
  return kSucceeded;
}

}  // namespace

int change_tokens(const KeyCommand& command, const AskMaster& ask, Terminal& terminal) {
  switch (*command.action) {
    case KeyAction::kTokenCreate: return create(command, ask, terminal);
    case KeyAction::kTokenDelete: return forget(command, ask, terminal);
    default: return list(command, ask, terminal);
  }
}

}  // namespace brine::cli
