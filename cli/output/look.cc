#include "cli/output/look.h"

#include <cstdlib>

#include "cli/terminal.h"

namespace brine::cli {
namespace {

const char* code_of(Colour colour) {
  switch (colour) {
    case Colour::kCyan: return "\x1b[0;36m";
    case Colour::kGreen: return "\x1b[0;32m";
    case Colour::kYellow: return "\x1b[0;1;33m";
    case Colour::kRed: return "\x1b[0;31m";
    case Colour::kBlue: return "\x1b[0;34m";
    case Colour::kMagenta: return "\x1b[0;35m";
    case Colour::kBrightRed: return "\x1b[0;1;31m";
    case Colour::kBrightGreen: return "\x1b[0;1;32m";
    case Colour::kBrightBlue: return "\x1b[0;1;34m";
    case Colour::kBrightMagenta: return "\x1b[0;1;35m";
  }
  return "";
}

bool is_control(unsigned char c) { return (c < 0x20 && c != '\t' && c != '\n') || c == 0x7f; }

}  // namespace

std::string Look::painted(Colour colour, std::string_view text) const {
  if (!colours) return std::string(text);
  std::string result = code_of(colour);
  result += text;
  result += "\x1b[0m";
  return result;
}

std::string Look::safe(std::string_view text) const {
  if (!guarded) return std::string(text);
  std::string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0U;
    const bool is_c1 = c == 0xc2 && next >= 0x80 && next < 0xa0;
    if (is_c1) ++i;
    result.push_back(is_c1 || is_control(c) ? '?' : text[i]);
  }
  return result;
}

Look look_for(const Terminal& terminal, bool no_colour) {
  const char* no_color = std::getenv("NO_COLOR");
  const bool unwanted = no_colour || (no_color != nullptr && *no_color != '\0');
  const bool on_terminal = terminal.out_is_terminal();
  return {.colours = on_terminal && !unwanted, .guarded = on_terminal};
}

}  // namespace brine::cli
