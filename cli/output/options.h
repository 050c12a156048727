// The options about output that every program has.
#pragma once

#include <optional>

#include "cli/arguments.h"
#include "cli/output/printer.h"

namespace brine::cli {

struct OutputOptions {
  std::optional<Format> format;
  bool no_colour = false;

  Printer printer(const Terminal& terminal) const { return {format.value_or(Format::kNested), look_for(terminal, no_colour)}; }
};

// --out (also --output), --no-color.
void add_output_options(Options& options, OutputOptions& output);

}  // namespace brine::cli
