#include <algorithm>

#include "config/scalar.h"
#include "config/yaml.h"
#include "config/yaml_tree.h"

namespace brine::config {
namespace {

using Kind = YamlNode::Kind;

void append_json(std::string& out, const YamlNode& node);

void append_list(std::string& out, const YamlNode& node) {
  out += '[';
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    if (i > 0) out += ',';
    append_json(out, node.items[i]);
  }
  out += ']';
}

void append_map(std::string& out, const YamlNode& node) {
  out += '{';
  for (std::size_t i = 0; i < node.fields.size(); ++i) {
    if (i > 0) out += ',';
    out += json_string(node.fields[i].key);
    out += ':';
    append_json(out, node.fields[i].value);
  }
  out += '}';
}

void append_json(std::string& out, const YamlNode& node) {
  switch (node.kind) {
    case Kind::kNull: out += "null"; return;
    case Kind::kScalar: out += node.plain ? plain_scalar_json(node.text) : json_string(node.text); return;
    case Kind::kList: append_list(out, node); return;
    case Kind::kMap: append_map(out, node); return;
  }
}

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

bool is_string(const YamlNode& node) {
  return node.kind == Kind::kScalar && (!node.plain || plain_scalar_kind(node.text) == ScalarKind::kString);
}

// Texts that would change on their way through YAML although nobody meant YAML.
bool is_surely_text(std::string_view argument) {
  if (is_blank(argument) || argument.find_first_of("\t\r\n") != std::string_view::npos) return true;
  return argument.contains('_') && argument.find_first_not_of("0123456789_ ") == std::string_view::npos;
}

}  // namespace

std::string json_of(const YamlNode& node) {
  std::string out;
  append_json(out, node);
  return out;
}

Result<std::string> yaml_to_json(std::string_view yaml_text) {
  auto tree = parse_yaml(yaml_text);
  if (tree) return json_of(*tree);
  const YamlProblem& problem = tree.error();
  if (problem.line == 0) return fail(Code::kInvalid, problem.message);
  return fail(Code::kInvalid,
              "line " + std::to_string(problem.line) + ", column " + std::to_string(problem.column) + ": " + problem.message);
}

std::string argument_to_json(std::string_view argument) {
  if (is_surely_text(argument)) return json_string(argument);
  if (argument == "None") return "null";
  const auto tree = parse_yaml(argument);
  if (!tree) return json_string(argument);
  if (tree->kind == Kind::kMap && !argument.starts_with('{')) return json_string(argument);
  if (tree->kind == Kind::kList && !argument.starts_with('[')) return json_string(argument);
  if (tree->kind == Kind::kNull && plain_scalar_kind(argument) != ScalarKind::kNull) return json_string(argument);
  if (argument.contains('#') && is_string(*tree)) return json_string(argument);
  if (is_string(*tree) && tree->text.empty() && (argument == "|" || argument == ">" || argument == "!")) return json_string(argument);
  return json_of(*tree);
}

}  // namespace brine::config
