#include "target/condition.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace brine::target {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return text.substr(text.size());
  return text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

template <typename T>
Parsed<Term> as_term(Parsed<T> parsed) {
  if (!parsed) return std::unexpected(std::move(parsed.error()));
  return Term(std::move(*parsed));
}

Parsed<IdList> parse_list(std::string_view text) {
  IdList ids;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t comma = std::min(text.find(',', begin), text.size());
    const std::string_view name = trimmed(text.substr(begin, comma - begin));
    if (!name.empty()) {
      auto id = MinionId::parse(name);
      if (!id) return mistake(static_cast<std::size_t>(name.data() - text.data()), "a list names minions: " + id.error().message);
      ids.push_back(std::move(*id));
    }
    begin = comma + 1;
  }
  if (ids.empty()) return mistake(0, "the list of minions is empty");
  std::ranges::sort(ids);
  ids.erase(std::ranges::unique(ids).begin(), ids.end());
  return ids;
}

std::unexpected<Mistake> not_available(std::string_view name, char option) {
  return mistake(0, fmt::format("{0} targets (-{1}, {1}@) are not available in this version", name, option), Code::kUnsupported);
}

bool is_inside(const Subnet& subnet, const Grains& grains) {
  const auto addresses = grains.root().find(subnet.family() == Family::kIpv4 ? "ipv4" : "ipv6");
  if (!addresses) return false;
  const auto contains = [&](const GrainNode& node) { return node.type() == GrainNode::Type::kText && subnet.contains(node.text()); };
  return addresses->type() == GrainNode::Type::kList ? addresses->any(contains) : contains(*addresses);
}

struct Matcher {
  const MinionView& minion;

  bool operator()(const Glob& glob) const { return glob.matches(minion.id); }
  bool operator()(const Regex& regex) const { return regex.matches(minion.id); }
  bool operator()(const IdList& ids) const {
    const auto found = std::ranges::lower_bound(ids, minion.id, {}, [](const MinionId& id) { return std::string_view(id.str()); });
    return found != ids.end() && found->str() == minion.id;
  }
  bool operator()(const GrainPattern& pattern) const { return minion.grains != nullptr && pattern.matches(*minion.grains); }
  bool operator()(const Subnet& subnet) const { return minion.grains != nullptr && is_inside(subnet, *minion.grains); }
};

std::optional<IdList> only_ids(const Term& term) {
  if (const auto* ids = std::get_if<IdList>(&term)) return *ids;
  const auto* glob = std::get_if<Glob>(&term);
  if (glob == nullptr || !glob->literal()) return std::nullopt;
  auto id = MinionId::parse(*glob->literal());
  return id ? IdList{std::move(*id)} : IdList{};
}

std::optional<IdList> smallest_of(const std::vector<Condition>& parts) {
  std::optional<IdList> smallest;
  for (const Condition& part : parts) {
    auto ids = only_ids(part);
    if (ids && (!smallest || ids->size() < smallest->size())) smallest = std::move(ids);
  }
  return smallest;
}

std::optional<IdList> union_of(const std::vector<Condition>& parts) {
  IdList all;
  for (const Condition& part : parts) {
    auto ids = only_ids(part);
    if (!ids) return std::nullopt;
    std::ranges::move(*ids, std::back_inserter(all));
  }
  std::ranges::sort(all);
  all.erase(std::ranges::unique(all).begin(), all.end());
  return all;
}

}  // namespace

Parsed<Term> parse_term(Kind kind, std::string_view text, char delimiter) {
  switch (kind) {
    case Kind::kGlob: return as_term(Glob::compile(text, Case::kSensitive));
    case Kind::kRegex: return as_term(Regex::compile(text, Case::kSensitive));
    case Kind::kList: return as_term(parse_list(text));
    case Kind::kGrain: return as_term(GrainPattern::compile(text, delimiter, ValueSyntax::kGlob));
    case Kind::kGrainRegex: return as_term(GrainPattern::compile(text, delimiter, ValueSyntax::kRegex));
    case Kind::kSubnet: return as_term(Subnet::parse(text));
    case Kind::kPillar: return not_available("pillar", 'I');
    case Kind::kNodegroup: return not_available("nodegroup", 'N');
    case Kind::kCompound: break;
  }
  return mistake(0, "not a single term", Code::kInternal);
}

bool matches(const Term& term, const MinionView& minion) { return std::visit(Matcher{minion}, term); }

Condition Condition::joined(Join join, std::vector<Condition> parts) {
  if (parts.size() == 1) return std::move(parts.front());
  return {join, {}, std::move(parts)};
}

bool matches(const Condition& condition, const MinionView& minion) {
  const auto part_matches = [&](const Condition& part) { return matches(part, minion); };
  switch (condition.join) {
    case Condition::Join::kTerm: return matches(condition.term, minion);
    case Condition::Join::kAnd: return std::ranges::all_of(condition.parts, part_matches);
    case Condition::Join::kOr: return std::ranges::any_of(condition.parts, part_matches);
    case Condition::Join::kNot: return !part_matches(condition.parts.front());
  }
  return false;
}

std::optional<IdList> only_ids(const Condition& condition) {
  switch (condition.join) {
    case Condition::Join::kTerm: return only_ids(condition.term);
    case Condition::Join::kAnd: return smallest_of(condition.parts);
    case Condition::Join::kOr: return union_of(condition.parts);
    case Condition::Join::kNot: return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace brine::target
