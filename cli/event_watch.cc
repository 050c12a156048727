#include "cli/event_watch.h"

#include <fmt/format.h>

#include <array>

#include "cli/exit_status.h"
#include "cli/output/look.h"
#include "net/operator_client.h"
#include "target/glob.h"

namespace brine::cli {
namespace {

constexpr milliseconds kLookForInterrupt{200};
constexpr int kIndent = 4;
constexpr const char* kSignature = "state.event(tagmatch='*', count=-1, pretty=False)";

Error wrong(const std::string& what) { return {Code::kInvalid, fmt::format("{}; usage: {}", what, kSignature)}; }

Status set(EventWatch& watch, const std::string& name, const Json& value) {
  if (name == "tagmatch") {
    watch.tagmatch = value.is_string() ? value.get<std::string>() : to_text(value);
  } else if (name == "count") {
    if (!value.is_number_integer()) return std::unexpected(wrong("count is a whole number"));
    watch.count = value.get<std::int64_t>();
  } else if (name == "pretty") {
    if (!value.is_boolean()) return std::unexpected(wrong("pretty is True or False"));
    watch.pretty = value.get<bool>();
  } else {
    return std::unexpected(wrong(fmt::format("no parameter '{}'", name)));
  }
  return {};
}

std::string line_of(const net::Event& event, bool pretty, const Look& look) {
  const std::string text = pretty ? to_text(parse_value(event.json), kIndent) : event.json;
  return look.safe(event.tag + "\t" + text) + "\n";
}

}  // namespace

Result<EventWatch> read_event_watch(const FunctionArguments& arguments) {
  static constexpr std::array<const char*, 3> kPlaces{"tagmatch", "count", "pretty"};
  EventWatch watch;
  if (arguments.args.size() > kPlaces.size()) return std::unexpected(wrong("too many arguments"));
  for (std::size_t i = 0; i < arguments.args.size(); ++i) BRINE_TRY(set(watch, kPlaces.at(i), arguments.args[i]));
  for (const auto& [name, value] : arguments.kwargs) BRINE_TRY(set(watch, name, value));
  return watch;
}

int watch_events(const EventWatch& watch, const NextEvent& next, Terminal& terminal) {
  const auto glob = target::Glob::compile(watch.tagmatch, target::Case::kSensitive);
  if (!glob) {
    terminal.err("brine-run: tagmatch: " + glob.error().what + "\n");
    return kUsageOrConnection;
  }
  const Look look = look_for(terminal, true);
  std::int64_t left = watch.count;
  while (left != 0) {
    if (terminal.interrupt_fd() >= 0 && net::is_readable(terminal.interrupt_fd())) return kSucceeded;
    const auto event = next(kLookForInterrupt);
    if (!event) {
      terminal.err("brine-run: " + event.error().message + "\n");
      return kUsageOrConnection;
    }
    if (!*event || !glob->matches((*event)->tag)) continue;
    terminal.out(line_of(**event, watch.pretty, look));
    terminal.flush();
    if (left > 0) --left;
  }
  return kSucceeded;
}

}  // namespace brine::cli
