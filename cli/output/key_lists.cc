#include "cli/output/key_lists.h"

#include <algorithm>
#include <vector>

namespace brine::cli {
namespace {

struct Colours {
  Colour heading;
  Colour line;
};

Colours colours_of(std::string_view state) {
  if (state == "minions") return {Colour::kBrightGreen, Colour::kGreen};
  if (state == "minions_pre") return {Colour::kBrightRed, Colour::kRed};
  if (state == "minions_rejected") return {Colour::kBrightBlue, Colour::kBlue};
  return {Colour::kBrightMagenta, Colour::kMagenta};
}

std::vector<std::string> lines_of(const Json& keys) {
  std::vector<std::string> lines;
  for (const auto& [name, value] : keys.items()) {
    const std::string text = value.is_string() ? value.get<std::string>() : to_text(value);
    lines.push_back(keys.is_array() ? text : name + ":  " + text);
  }
  std::ranges::sort(lines);
  return lines;
}

std::string part(const Json& lists, const char* state, const char* heading, const Look& look) {
  const auto found = lists.find(state);
  const bool only_heading = found != lists.end() && found->is_object() && found->empty();
  if (found == lists.end() || only_heading) return "";
  const Colours colours = colours_of(state);
  std::string text = look.painted(colours.heading, heading) + "\n";
  for (const std::string& line : lines_of(*found)) text += look.painted(colours.line, look.safe(line)) + "\n";
  return text;
}

}  // namespace

std::string key_lists_text(const Json& lists, const Look& look) {
  if (!lists.is_object()) return "";
  std::string text = part(lists, "local", "Local Keys:", look);
  for (const KeyState& state : kKeyStates) text += part(lists, state.name, state.heading, look);
  return text;
}

}  // namespace brine::cli
