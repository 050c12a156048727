// YAML of unknown origin: never a crash, and what was read can be printed and read again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "config/yaml.h"
#include "config/yaml_tree.h"

using brine::config::argument_to_json;
using brine::config::json_to_yaml;
using brine::config::kMaxYamlBytes;
using brine::config::yaml_to_json;
using nlohmann::json;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void print_and_read_again(const std::string& text) {
  const json value = json::parse(text);
  const std::string yaml = json_to_yaml(text);
  if (yaml.size() > kMaxYamlBytes) return;
  const auto again = yaml_to_json(yaml);
  require(again.has_value());
  require(json::parse(*again) == value);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto read = yaml_to_json(text)) print_and_read_again(*read);
  require(json::accept(argument_to_json(text)));
  require(!json_to_yaml(text).empty());
  return 0;
}
