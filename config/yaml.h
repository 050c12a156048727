// YAML in and out: arguments as operators type them, grains files, and `--out yaml`.
//
// Values travel as JSON text. Safe for untrusted text: bounded as yaml_tree.h says, nothing in it is executed.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace brine::config {

// JSON text of a YAML document: numbers, booleans and null as PyYAML types them (scalar.h), quoted scalars stay strings, keys become
// strings. kInvalid with line and column when it is not YAML, has a key twice, or exceeds a bound.
Result<std::string> yaml_to_json(std::string_view yaml_text);

// JSON text of one command line argument or of the value in key=value, by Salt's rules: YAML where it gives a number, boolean, null, or a
// list or map in brackets ("[1, 2]", "{a: 1}"); all else, and whatever is not valid YAML, is the string itself ("a: b", "#x", "1_000",
// "!"). Never fails. Bytes that are not UTF-8 are replaced: the caller checks for them first where they matter.
std::string argument_to_json(std::string_view argument);

// Block style as `salt --out yaml` prints, keys sorted, ending with a newline; reading it back gives the same JSON. Several lines are a
// literal block. Text that is not JSON, or nested deeper than kMaxYamlDepth, is given as one YAML string.
std::string json_to_yaml(std::string_view json);

}  // namespace brine::config
