// `brine-run state.event`: the master's events as they come.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "cli/function_arguments.h"
#include "cli/terminal.h"
#include "net/event_bus.h"

namespace brine::cli {

struct EventWatch {
  std::string tagmatch = "*";  // glob
  std::int64_t count = -1;     // then it ends; negative: never
  bool pretty = false;         // the event indented, below its tag
};

// state.event([tagmatch='*'], [count=-1], [pretty=False]). kInvalid says which argument is wrong.
Result<EventWatch> read_event_watch(const FunctionArguments& arguments);

using NextEvent = std::function<Result<std::optional<net::Event>>(milliseconds longest)>;

// Prints "tag<TAB>json" lines, each at once, until so many were printed or Ctrl-C. The exit status.
int watch_events(const EventWatch& watch, const NextEvent& next, Terminal& terminal);

}  // namespace brine::cli
