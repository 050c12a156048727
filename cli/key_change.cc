#include "cli/key_change.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "cli/exit_status.h"
#include "cli/output/key_lists.h"
#include "target/glob.h"

namespace brine::cli {
namespace {

// How a change is spoken of, and what Return alone means at the question.
struct Wording {
  const char* runner;
  const char* done;     // "accepted"
  const char* changes;  // states that it changes
  const char* choices;
  bool by_default;
};

Wording wording_of(KeyAction action) {
  switch (action) {
    case KeyAction::kAccept: return {"key.accept", "accepted", "unaccepted", "[n/Y]", true};
    case KeyAction::kReject: return {"key.reject", "rejected", "unaccepted", "[n/Y]", true};
    default: return {"key.delete", "deleted", "accepted, unaccepted, rejected or denied", "[N/y]", false};
  }
}

bool changes_state(const KeyCommand& command, std::string_view state) {
  if (command.action == KeyAction::kDelete || state == "minions_pre") return true;
  if (state == "minions") return command.action == KeyAction::kReject && command.include_accepted;
  if (state == "minions_rejected") return command.action == KeyAction::kAccept && command.include_rejected;
  return command.include_denied;
}

// The keys that would change, by state; states without any are left out.
Json select(const KeyCommand& command, const Json& lists, const target::Glob& glob) {
  Json selected = Json::object();
  for (const KeyState& state : kKeyStates) {
    const auto found = lists.find(state.name);
    if (!changes_state(command, state.name) || found == lists.end()) continue;
    for (const Json& id : *found) {
      if (id.is_string() && glob.matches(id.get_ref<const std::string&>())) selected[state.name].push_back(id);
    }
  }
  return selected;
}

bool agrees(const Wording& wording, const std::optional<std::string>& line) {
  if (!line) return false;
  const std::size_t begin = line->find_first_not_of(" \t\r");
  if (begin == std::string::npos) return wording.by_default;
  return (*line)[begin] == 'y' || (*line)[begin] == 'Y';
}

// kSucceeded: go on.
int confirm(const KeyCommand& command, const Wording& wording, const Json& selected, const Printer& printer, Terminal& terminal) {
  if (command.yes) return kSucceeded;
  if (!terminal.in_is_terminal() || printer.for_programs()) {
    terminal.err(fmt::format("brine-key: nobody can be asked whether these keys are to be {}: say -y (--yes)\n", wording.done));
    return kUsageOrConnection;
  }
  terminal.out(fmt::format("The following keys are going to be {}:\n{}", wording.done, key_lists_text(selected, printer.look())));
  if (agrees(wording, terminal.ask(fmt::format("Proceed? {} ", wording.choices)))) return kSucceeded;
  terminal.err("Nothing was changed.\n");
  return kFunctionFailed;
}

void show_changed(const KeyCommand& command, const Wording& wording, const Json& changed, const Printer& printer, Terminal& terminal) {
  if (command.quiet) return;
  if (printer.for_programs()) return terminal.out(printer.value(changed));
  std::set<std::string> ids;
  for (const auto& [state, list] : changed.items()) {
    for (const Json& id : list) ids.insert(id.is_string() ? id.get<std::string>() : to_text(id));
  }
  for (const std::string& id : ids) terminal.out(fmt::format("Key for minion {} {}.\n", printer.look().safe(id), wording.done));
}

int none_matches(const KeyCommand& command, const Wording& wording, const Printer& printer, Terminal& terminal) {
  const std::string text = fmt::format("The key glob '{}' does not match any {} keys.\n", command.match, wording.changes);
  if (!command.everything) {
    terminal.err(text);
    return kNoMatch;
  }
  if (printer.for_programs() && !command.quiet) terminal.out(printer.value(Json::object()));
  if (!printer.for_programs() && !command.quiet) terminal.out(text);
  return kSucceeded;
}

}  // namespace

std::expected<Json, int> ask_for_keys(const AskMaster& ask, const std::string& runner, const Json& kwargs, Terminal& terminal) {
  const auto answer = ask(runner, to_text(Json{{"args", Json::array()}, {"kwargs", kwargs}}));
  const Error* error = !answer ? &answer.error() : std::get_if<Error>(&*answer);
  if (error == nullptr) return std::get<Json>(*answer);
  terminal.err("brine-key: " + error->message + "\n");
  return std::unexpected(!answer || error->code == Code::kDenied ? kUsageOrConnection : kFunctionFailed);
}

int change_keys(const KeyCommand& command, const AskMaster& ask, Terminal& terminal) {
  const Wording wording = wording_of(*command.action);
  const Printer printer = command.output.printer(terminal);
  const auto glob = target::Glob::compile(command.match, target::Case::kSensitive);
  if (!glob) {
    terminal.err("brine-key: " + glob.error().what + "\n");
    return kUsageOrConnection;
  }
  const auto lists = ask_for_keys(ask, "key.list", Json::object(), terminal);
  if (!lists) return lists.error();
  const Json selected = select(command, *lists, *glob);
  if (selected.empty()) return none_matches(command, wording, printer, terminal);
  if (const int status = confirm(command, wording, selected, printer, terminal); status != kSucceeded) return status;
  Json kwargs{{"match", command.match}};
  if (command.action != KeyAction::kDelete) kwargs["include_denied"] = command.include_denied;
  if (command.action == KeyAction::kAccept) kwargs["include_rejected"] = command.include_rejected;
  if (command.action == KeyAction::kReject) kwargs["include_accepted"] = command.include_accepted;
  const auto changed = ask_for_keys(ask, wording.runner, kwargs, terminal);
  if (!changed) return changed.error();
  show_changed(command, wording, *changed, printer, terminal);
  return kSucceeded;
}

}  // namespace brine::cli
