// Arguments of functions and runners, as people type them.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/json.h"

namespace brine::cli {

struct FunctionArguments {
  std::vector<Json> args;
  std::map<std::string, Json> kwargs;

  // {"args": [...], "kwargs": {...}}, as it travels.
  std::string text() const;
};

// `name=value` (a letter or '_', then letters, digits, '_', '-', '.'; not `==`) is a keyword argument, everything else is positional;
// values are typed as config/yaml.h says. kInvalid for bytes that are not UTF-8 and for a name that is given twice.
Result<FunctionArguments> read_function_arguments(std::span<const std::string> words);

}  // namespace brine::cli
