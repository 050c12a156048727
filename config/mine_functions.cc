#include "config/mine_functions.h"

#include <algorithm>
#include <optional>

namespace brine::config {
namespace {

using Kind = YamlNode::Kind;

constexpr std::size_t kMaxFunctions = 256;

// A list of targets is one text, as the command line has it.
std::optional<std::string> target_text(const YamlNode& node) {
  if (node.kind == Kind::kScalar) return node.text;
  if (node.kind != Kind::kList) return std::nullopt;
  std::string text;
  for (const YamlNode& item : node.items) {
    if (item.kind != Kind::kScalar) return std::nullopt;
    text += (text.empty() ? "" : ",") + item.text;
  }
  return text;
}

// What the words of one function are read into.
struct Draft {
  MineFunction function;
  YamlNode args{.kind = Kind::kList};
  YamlNode kwargs{.kind = Kind::kMap};
};

bool take_word(const YamlField& field, Draft& draft, const ReadContext& context) {
  const bool text = field.value.kind == Kind::kScalar && !field.value.text.empty();
  const auto refuse = [&](std::string_view what) {
    context.complain(field.line, "'" + context.key + "': " + field.key + " of " + draft.function.name + " must be " + std::string(what));
    return false;
  };
  if (field.key == "mine_function") {
    if (!text) return refuse("a function's name");
    draft.function.function = field.value.text;
  } else if (field.key == "allow_tgt") {
    const auto target = target_text(field.value);
    if (!target || target->empty()) return refuse("a target");
    draft.function.allow_tgt = *target;
  } else if (field.key == "allow_tgt_type") {
    if (!text) return refuse("a kind of target, as glob or compound");
    draft.function.allow_tgt_type = field.value.text;
  } else {
    draft.kwargs.fields.push_back(field);
  }
  return true;
}

void read_function(const std::string& name, int line, const YamlNode& node, std::vector<MineFunction>& functions,
                   const ReadContext& context) {
  Draft draft;
  draft.function.name = name;
  if (name.empty()) return context.complain(line, "'" + context.key + "': a function has a name");
  const bool scalar = node.kind == Kind::kScalar;
  if (scalar) return context.complain(node.line, "'" + context.key + "': the arguments of " + name + " must be a list or a map");
  const auto take_map = [&](const YamlNode& map) {
    return std::ranges::all_of(map.fields, [&](const YamlField& field) { return take_word(field, draft, context); });
  };
  if (!take_map(node)) return;
  for (const YamlNode& item : node.items) {
    if (item.kind != Kind::kMap) draft.args.items.push_back(item);
    if (item.kind == Kind::kMap && !take_map(item)) return;
  }
  if (draft.function.function.empty()) draft.function.function = name;
  draft.function.args = json_of(draft.args);
  draft.function.kwargs = json_of(draft.kwargs);
  const auto same = [&](const MineFunction& other) { return other.name == name; };
  if (std::ranges::any_of(functions, same)) return context.complain(line, "'" + context.key + "': " + name + " comes twice");
  functions.push_back(std::move(draft.function));
}

void read_functions(const YamlNode& node, std::vector<MineFunction>& functions, const ReadContext& context) {
  functions.clear();
  for (const YamlField& field : node.fields) read_function(field.key, field.line, field.value, functions, context);
  for (const YamlNode& item : node.items) {
    if (item.kind == Kind::kScalar) {
      read_function(item.text, item.line, {}, functions, context);
    } else if (item.kind == Kind::kMap && item.fields.size() == 1) {
      read_function(item.fields[0].key, item.line, item.fields[0].value, functions, context);
    } else {
      context.complain(item.line, "'" + context.key + "' lists names, or maps of one name to its arguments, not " + shown(item));
    }
  }
  if (functions.size() > kMaxFunctions) context.complain(node.line, "'" + context.key + "' has more than 256 functions");
}

}  // namespace

void declare_mine_functions(Schema& schema, std::vector<MineFunction>& functions) {
  schema.custom({"mine_functions", "a map or list of functions", "{}", "What this minion publishes in the mine."},
                [&functions](const YamlNode& node, const ReadContext& context) {
                  if (node.kind == Kind::kScalar)
                    return context.complain(node.line, "'" + context.key + "' must be a map or a list, not " + shown(node));
                  read_functions(node, functions, context);
                });
}

}  // namespace brine::config
