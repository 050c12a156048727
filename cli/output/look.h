// How text for people is shown: colours and what may reach a terminal.
#pragma once

#include <string>
#include <string_view>

namespace brine::cli {

class Terminal;

// Salt's colours.
enum class Colour { kCyan, kGreen, kYellow, kRed, kBlue, kMagenta, kBrightRed, kBrightGreen, kBrightBlue, kBrightMagenta };

struct Look {
  bool colours = false;
  bool guarded = false;  // control characters become '?': what a minion says must not steer the operator's terminal

  std::string painted(Colour colour, std::string_view text) const;
  // The text itself, or with '?' for every control character besides tab and newline (C1 included).
  std::string safe(std::string_view text) const;
};

// Colours only on a terminal, and not with no_colour or NO_COLOR in the environment (https://no-color.org).
Look look_for(const Terminal& terminal, bool no_colour);

}  // namespace brine::cli
