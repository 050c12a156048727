#include "config/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>
#include <unordered_set>
#include <utility>

#include "base/bytes.h"

namespace brine::config {
namespace {

using Kind = YamlNode::Kind;

constexpr std::string_view kCoreTag = "tag:yaml.org,2002:";

[[noreturn]] void refuse(const YAML::Mark& mark, std::string message) {
  throw YamlProblem{mark.line + 1, mark.column + 1, std::move(message)};
}

// What a subtree costs when it is copied.
struct Cost {
  std::size_t nodes = 0;
  std::size_t bytes = 0;
};

Cost cost_of(const YamlNode& node) {
  Cost cost{1, node.text.size()};
  const auto add = [&cost](const YamlNode& child) {
    const Cost more = cost_of(child);
    cost.nodes += more.nodes;
    cost.bytes += more.bytes;
  };
  for (const YamlNode& item : node.items) add(item);
  for (const YamlField& field : node.fields) {
    cost.bytes += field.key.size();
    add(field.value);
  }
  return cost;
}

// True if a plain scalar with this tag is to be typed by its text, false if it is a string.
bool typed_by_text(const YAML::Mark& mark, const std::string& tag) {
  if (tag == "?" || tag.empty()) return true;
  if (tag == "!") return false;
  const std::string_view name = std::string_view(tag).starts_with(kCoreTag) ? std::string_view(tag).substr(kCoreTag.size()) : "";
  if (name == "str") return false;
  if (name == "int" || name == "float" || name == "bool" || name == "null") return true;
  refuse(mark, "the tag '" + tag + "' is not supported; write the value without it");
}

void check_collection_tag(const YAML::Mark& mark, const std::string& tag, std::string_view name) {
  if (tag == "?" || tag == "!" || tag.empty() || tag == std::string(kCoreTag) + std::string(name)) return;
  refuse(mark, "the tag '" + tag + "' is not supported; write the value without it");
}

class TreeBuilder final : public YAML::EventHandler {
 public:
  YamlNode take() { return std::move(root_); }
  // Where the last scalar began if it was quoted or a block.
  const std::optional<YAML::Mark>& last_quoted() const { return last_quoted_; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ > 0) refuse(mark, "the value has ended, but more text follows; only one document is read");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { scalar(mark, anchor, {.kind = Kind::kNull}); }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& value) override {
    last_quoted_ = tag == "!" ? std::optional(mark) : std::nullopt;
    scalar(mark, anchor, {.kind = Kind::kScalar, .plain = typed_by_text(mark, tag), .text = value});
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) refuse(mark, "a value cannot contain itself");
    spend(mark, cost_of(found->second));
    YamlNode node = found->second;
    node.line = mark.line + 1;
    node.column = mark.column + 1;
    place(mark, std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    check_collection_tag(mark, tag, "seq");
    begin(mark, anchor, Kind::kList);
  }
  void OnSequenceEnd() override { end(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    check_collection_tag(mark, tag, "map");
    begin(mark, anchor, Kind::kMap);
  }
  void OnMapEnd() override {
    finish_map(open_.back());
    end();
  }

 private:
  struct Open {
    YAML::Mark mark;
    YAML::anchor_t anchor;
    YamlNode node;
    std::optional<YamlField> field;                       // of a map: a key that waits for its value
    std::unordered_set<std::string> keys;                 // of a map
    std::vector<std::pair<YAML::Mark, YamlNode>> merges;  // of a map: values of "<<"
    bool field_is_merge = false;
  };

  void spend(const YAML::Mark& mark, Cost cost) {
    nodes_ += cost.nodes;
    bytes_ += cost.bytes;
    if (nodes_ > kMaxYamlNodes || bytes_ > kMaxYamlExpandedBytes) refuse(mark, "too many values (aliases count as often as they are used)");
  }

  void scalar(const YAML::Mark& mark, YAML::anchor_t anchor, YamlNode node) {
    node.line = mark.line + 1;
    node.column = mark.column + 1;
    spend(mark, {1, node.text.size()});
    remember(mark, anchor, node);
    place(mark, std::move(node));
  }

  void begin(const YAML::Mark& mark, YAML::anchor_t anchor, Kind kind) {
    if (open_.size() >= kMaxYamlDepth) refuse(mark, "more than " + std::to_string(kMaxYamlDepth) + " levels");
    spend(mark, {1, 0});
    YamlNode node{.kind = kind, .line = mark.line + 1, .column = mark.column + 1};
    open_.push_back({.mark = mark, .anchor = anchor, .node = std::move(node)});
  }

  void end() {
    Open closed = std::move(open_.back());
    open_.pop_back();
    remember(closed.mark, closed.anchor, closed.node);
    place(closed.mark, std::move(closed.node));
  }

  void remember(const YAML::Mark& mark, YAML::anchor_t anchor, const YamlNode& node) {
    if (anchor == YAML::NullAnchor) return;
    spend(mark, cost_of(node));
    anchors_[anchor] = node;
  }

  void place(const YAML::Mark& mark, YamlNode node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.kind == Kind::kList) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.field) {
      begin_field(parent, mark, std::move(node));
    } else {
      end_field(parent, mark, std::move(node));
    }
  }

  static void begin_field(Open& map, const YAML::Mark& mark, YamlNode key) {
    if (key.kind == Kind::kList || key.kind == Kind::kMap) refuse(mark, "a key must be a single value");
    if (key.kind == Kind::kNull) key.text = "null";
    map.field_is_merge = key.plain && key.text == "<<";
    if (!map.field_is_merge && !map.keys.insert(key.text).second) refuse(mark, "the key '" + key.text + "' is here a second time");
    map.field = YamlField{std::move(key.text), mark.line + 1, {}};
  }

  static void end_field(Open& map, const YAML::Mark& mark, YamlNode value) {
    YamlField field = *std::exchange(map.field, std::nullopt);
    if (map.field_is_merge) {
      map.merges.emplace_back(mark, std::move(value));
    } else {
      field.value = std::move(value);
      map.node.fields.push_back(std::move(field));
    }
  }

  static void finish_map(Open& map) {
    for (auto& [mark, value] : map.merges) {
      if (value.kind == Kind::kMap) {
        merge(map, std::move(value));
      } else if (value.kind == Kind::kList) {
        for (YamlNode& item : value.items) {
          if (item.kind != Kind::kMap) refuse(mark, "'<<' takes maps only");
          merge(map, std::move(item));
        }
      } else {
        refuse(mark, "'<<' takes maps only");
      }
    }
  }

  static void merge(Open& map, YamlNode from) {
    for (YamlField& field : from.fields) {
      if (map.keys.insert(field.key).second) map.node.fields.push_back(std::move(field));
    }
  }

  YamlNode root_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, YamlNode> anchors_;
  std::optional<YAML::Mark> last_quoted_;
  std::size_t nodes_ = 0;
  std::size_t bytes_ = 0;
  int documents_ = 0;
};

bool is_stray_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 && c != '\t' && c != '\n' && c != '\r';
}

// yaml-cpp takes byte 0x04 for the end of its input, and repairs bad UTF-8 silently.
std::optional<YamlProblem> unreadable(std::string_view text) {
  if (text.size() > kMaxYamlBytes) return YamlProblem{0, 0, "larger than " + std::to_string(kMaxYamlBytes) + " bytes"};
  const auto stray = std::ranges::find_if(text, is_stray_control);
  if (stray != text.end()) {
    const auto line = std::count(text.begin(), stray, '\n') + 1;
    return YamlProblem{static_cast<int>(line), 0, "control character " + std::to_string(static_cast<int>(*stray)) + "; YAML is text"};
  }
  if (!is_utf8(text)) return YamlProblem{0, 0, "not UTF-8 text"};
  return std::nullopt;
}

void feed(std::string text, YAML::EventHandler& handler) {
  std::istringstream stream(std::move(text));
  YAML::Parser parser(stream);
  while (parser.HandleNextDocument(handler)) {
  }
}

// yaml-cpp 0.7 takes the end of the text for a closing quote when a line break (or nothing) stands before it. A comment there tells them
// apart: it is one after a closed quote, and part of an open one.
void check_closed(std::string text, const YAML::Mark& begin) {
  if (!text.ends_with('\n')) text += '\n';
  TreeBuilder ignored;
  try {
    feed(text + "#", ignored);
  } catch (const YAML::Exception&) {
    refuse(begin, "a quote that is opened here is never closed");
  }
}

}  // namespace

std::expected<YamlNode, YamlProblem> parse_yaml(std::string_view text) {
  if (auto problem = unreadable(text)) return std::unexpected(std::move(*problem));
  try {
    TreeBuilder builder;
    feed(std::string(text), builder);
    if (builder.last_quoted()) check_closed(std::string(text), *builder.last_quoted());
    return builder.take();
  } catch (const YamlProblem& problem) {
    return std::unexpected(problem);
  } catch (const YAML::Exception& error) {
    return std::unexpected(YamlProblem{error.mark.line + 1, error.mark.column + 1, "not valid YAML: " + error.msg});
  }
}

}  // namespace brine::config
