#include "target/grain_pattern.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

namespace brine::target {
namespace {

constexpr std::string_view kAnything = "*";
// What a match may cost, in bytes of grains looked at: far above what honest grains and targets need.
constexpr std::size_t kMaxCost = std::size_t{16} << 20;
constexpr std::size_t kCostOfValue = 64;
constexpr std::size_t kCostOfRegex = 1024;

std::optional<std::int64_t> as_place(std::string_view key) {
  std::int64_t place = 0;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), place);
  if (error != std::errc() || end != key.data() + key.size()) return std::nullopt;
  return place;
}

// One step of a path.
std::optional<GrainNode> step(const GrainNode& node, std::string_view key) {
  if (node.type() == GrainNode::Type::kDict) return node.find(key);
  if (node.type() == GrainNode::Type::kText) return std::nullopt;
  if (const auto place = as_place(key)) return node.item(*place);
  std::optional<GrainNode> found;
  node.any([&](const GrainNode& item) {
    if (item.type() == GrainNode::Type::kDict) found = item.find(key);
    return found.has_value();
  });
  return found;
}

}  // namespace

// One match. "The pattern from part i on" is what Salt passes around as a shortened expression.
class GrainWalk {
 public:
  explicit GrainWalk(const GrainPattern& pattern) : pattern_(pattern) {}

  // Salt's subdict_match: every split of the pattern from `part` on.
  bool in_dict(const GrainNode& dict, std::size_t part) {
    if (part + 1 < pattern_.parts_.size() && pattern_.parts_[part].key == kAnything && at_dict(dict, part)) return true;
    std::optional<GrainNode> node = dict;
    for (std::size_t next = part + 1; next < pattern_.parts_.size(); ++next) {
      node = step(*node, pattern_.parts_[next - 1].key);
      if (!node) return false;
      if (found_at(*node, next)) return true;
    }
    return false;
  }

 private:
  bool found_at(const GrainNode& node, std::size_t part) {
    switch (node.type()) {
      case GrainNode::Type::kText: return text(node.text(), part);
      case GrainNode::Type::kDict: return !node.empty() && at_dict(node, part);
      case GrainNode::Type::kList:
        return node.any(
            [&](const GrainNode& item) { return item.type() == GrainNode::Type::kDict ? at_dict(item, part) : value(item, part); });
    }
    return false;
  }

  // Salt's _dict_match: the pattern from `part` on is a key of the dictionary, or is found inside it.
  bool at_dict(const GrainNode& dict, std::size_t part) {
    if (!may_spend(dict.bytes() + kCostOfValue)) return false;
    const bool any_key = part + 1 < pattern_.parts_.size() && pattern_.parts_[part].key == kAnything;
    if (any_key) ++part;
    const std::string& rest = pattern_.parts_[part].rest;
    if (rest == kAnything || dict.find(rest) || in_dict(dict, part)) return true;
    return any_key && dict.any([&](const GrainNode& child) {
      return child.type() == GrainNode::Type::kDict ? at_dict(child, part) : value(child, part);
    });
  }

  bool value(const GrainNode& node, std::size_t part) {
    if (!may_spend(kCostOfValue)) return false;
    if (node.type() == GrainNode::Type::kText) return text(node.text(), part);
    if (pattern_.parts_[part].rest == kAnything) return true;
    return node.type() == GrainNode::Type::kList && node.any([&](const GrainNode& item) { return value(item, part); });
  }

  bool text(std::string_view text, std::size_t part) {
    const auto& value = pattern_.parts_[part].value;
    if (const auto* glob = std::get_if<Glob>(&value)) return glob->matches(text);
    const auto* regex = std::get_if<Regex>(&value);
    return regex != nullptr && may_spend(kCostOfRegex) && regex->matches(text);
  }

  bool may_spend(std::size_t cost) {
    cost_ += cost;
    return cost_ <= kMaxCost;
  }

  const GrainPattern& pattern_;
  std::size_t cost_ = 0;
};

Parsed<GrainPattern> GrainPattern::compile(std::string_view text, char delimiter, ValueSyntax syntax) {
  const std::size_t first = text.find(delimiter);
  if (first == std::string_view::npos)
    return mistake(text.size(), fmt::format("a grain target is key{0}value, such as os{0}Debian; there is no '{0}' here", delimiter));
  if (first == 0) return mistake(0, fmt::format("the name of a grain is missing before '{}'", delimiter));

  GrainPattern pattern;
  std::optional<Mistake> first_mistake;
  bool can_match = false;
  for (std::size_t begin = 0; begin != std::string_view::npos;) {
    const std::size_t end = pattern.parts_.size() + 1 < kMaxParts ? text.find(delimiter, begin) : std::string_view::npos;
    Part part{std::string(text.substr(begin, end - begin)), std::string(text.substr(begin)), Nothing{}};
    if (begin > 0) {
      auto value = compile_value(part.rest, syntax);
      if (!value && !first_mistake) first_mistake = mistake_in_part(std::move(value.error()), begin).error();
      can_match |= value.has_value();
      if (value) part.value = std::move(*value);
    }
    pattern.parts_.push_back(std::move(part));
    begin = end == std::string_view::npos ? end : end + 1;
  }
  if (!can_match) return std::unexpected(std::move(*first_mistake));
  return pattern;
}

Parsed<GrainPattern::Value> GrainPattern::compile_value(std::string_view text, ValueSyntax syntax) {
  if (syntax == ValueSyntax::kGlob) {
    auto glob = Glob::compile(text, Case::kInsensitive);
    if (!glob) return std::unexpected(std::move(glob.error()));
    return std::move(*glob);
  }
  auto regex = Regex::compile(text, Case::kInsensitive);
  if (!regex) return std::unexpected(std::move(regex.error()));
  return std::move(*regex);
}

bool GrainPattern::matches(const Grains& grains) const { return GrainWalk(*this).in_dict(grains.root(), 0); }

}  // namespace brine::target
