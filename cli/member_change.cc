#include "cli/member_change.h"

#include <fmt/format.h>

#include "cli/exit_status.h"
#include "cli/key_change.h"

namespace brine::cli {
namespace {

// kSucceeded: go on.
int confirm(const KeyCommand& command, const std::string& what, Terminal& terminal) {
  if (command.yes) return kSucceeded;
  if (!terminal.in_is_terminal()) {
    terminal.err("brine-key: nobody can be asked: say -y (--yes)\n");
    return kUsageOrConnection;
  }
  const auto line = terminal.ask(what + " [N/y] ");
  if (line && (line->starts_with('y') || line->starts_with('Y'))) return kSucceeded;
  terminal.err("Nothing was changed.\n");
  return kFunctionFailed;
}

void show(const KeyCommand& command, const Json& answer, const std::string& text, Terminal& terminal) {
  if (command.quiet) return;
  const Printer printer = command.output.printer(terminal);
  terminal.out(printer.for_programs() ? printer.value(answer) : text);
}

int list(const KeyCommand& command, const AskMaster& ask, Terminal& terminal) {
  const auto masters = ask_for_keys(ask, "key.master_list", Json::object(), terminal);
  if (!masters) return masters.error();
  std::string text;
  for (const auto& [name, finger] : masters->items()) text += fmt::format("{}: {}\n", name, finger.get<std::string>());
  show(command, *masters, text, terminal);
  return kSucceeded;
}

// The fingerprint that was confirmed is the one that is added.
int add(const KeyCommand& command, const AskMaster& ask, Terminal& terminal) {
  const auto request = ask_for_keys(ask, "key.master_request", {{"name", command.match}}, terminal);
  if (!request) return request.error();
  const std::string finger = request->value("finger", "");
  const int agreed = confirm(command, fmt::format("'{}' asks to be a master with the key {}. Add it?", command.match, finger), terminal);
  if (agreed != kSucceeded) return agreed;
  const auto added = ask_for_keys(ask, "key.master_add", {{"name", command.match}, {"finger", finger}}, terminal);
  if (!added) return added.error();
  show(command, *added, fmt::format("Master {} added: {}\n", command.match, finger), terminal);
  return kSucceeded;
}

int remove(const KeyCommand& command, const AskMaster& ask, Terminal& terminal) {
  const int agreed = confirm(command, fmt::format("Master '{}' is going to be withdrawn. Proceed?", command.match), terminal);
  if (agreed != kSucceeded) return agreed;
  const auto removed = ask_for_keys(ask, "key.master_remove", {{"name", command.match}}, terminal);
  if (!removed) return removed.error();
  show(command, *removed, fmt::format("Master {} withdrawn.\n", command.match), terminal);
  return kSucceeded;
}

}  // namespace

int change_members(const KeyCommand& command, const AskMaster& ask, Terminal& terminal) {
  switch (*command.action) {
    case KeyAction::kMasterAdd: return add(command, ask, terminal);
    case KeyAction::kMasterRemove: return remove(command, ask, terminal);
    default: return list(command, ask, terminal);
  }
}

}  // namespace brine::cli
