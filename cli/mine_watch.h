// `brine-run mine.watch`: what minions have published under a name, as it changes.
//
// The master's events say that something has changed; what, is found by reading all of it (mine.entries) and comparing. So nothing is
// missed when events are lost, the master restarts or another one is asked, and a master that is away, or has just started, changes
// nothing.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cli/event_watch.h"
#include "cli/function_arguments.h"
#include "cli/runner_request.h"
#include "cli/template.h"
#include "cli/terminal.h"

namespace brine::cli {

// What is given as options of brine-run.
struct MineOutput {
  std::string exec;           // command to run on change
  std::string template_file;  // to make
  std::string output_file;    // this
  bool empty() const { return exec.empty() && template_file.empty() && output_file.empty(); }
};

struct MineWatch {
  std::string target;
  std::string name;
  std::string target_kind = "glob";
  std::int64_t count = -1;  // lines until it ends; negative: never
  bool once = false;        // ends when what is there has been shown, written and the command run
  MineOutput output;
};

// mine.watch(tgt, fun, [tgt_type='glob'], [count=-1], [once=False]). kInvalid says what is wrong.
Result<MineWatch> read_mine_watch(const FunctionArguments& arguments, MineOutput output);

struct MineEntry {
  Json value;
  bool present = false;
  bool operator==(const MineEntry&) const = default;
};
using MineEntries = std::map<std::string, MineEntry>;

// Of mine.entries.
MineEntries read_mine_entries(const Json& answer);
// One JSON text per entry that was added, changed (its value, or whether its minion is present) or removed.
std::vector<std::string> mine_changes(const MineEntries& before, const MineEntries& after, const std::string& name);
// What a template is given: fun, entries (of minions that are present) and absent, each with id, value, first and last.
Json template_data(const MineEntries& entries, const std::string& name);

struct MineWatchParts {
  AskMaster ask;
  NextEvent next;  // waits so long; without a master too
  const Clock& clock;
};

// The exit status. Ends with an error for what an operator must correct; a master that is away is waited for.
int watch_mine(const MineWatch& watch, const MineWatchParts& parts, Terminal& terminal);

}  // namespace brine::cli
