#include "cli/output/options.h"

namespace brine::cli {

void add_output_options(Options& options, OutputOptions& output) {
  const auto take = [&output](std::string_view name) -> Status {
    BRINE_LET(output.format, parse_format(name));
    return {};
  };
  options.option(0, "out", "FORMAT", "nested (default), json, yaml, txt, raw or quiet", take);
  options.option(0, "output", "FORMAT", "the same", take);
  options.flag(0, "no-color", output.no_colour, "no colours; NO_COLOR in the environment does the same");
}

}  // namespace brine::cli
