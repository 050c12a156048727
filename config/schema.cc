#include "config/schema.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <optional>

#include "base/nearest.h"
#include "config/scalar.h"

namespace brine::config {
namespace {

using Kind = YamlNode::Kind;

constexpr std::size_t kLongestShown = 60;

std::string range_text(std::string_view low, std::string_view high) { return " from " + std::string(low) + " to " + std::string(high); }

std::optional<std::int64_t> integer_of(const YamlNode& node) {
  if (node.kind != Kind::kScalar || !node.plain || plain_scalar_kind(node.text) != ScalarKind::kInteger) return std::nullopt;
  const std::string digits = plain_scalar_json(node.text);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

std::string join(std::span<const std::string> parts, std::string_view separator) {
  std::string out;
  for (const std::string& part : parts) {
    if (!out.empty()) out += separator;
    out += part;
  }
  return out;
}

}  // namespace

void Problems::add(const std::string& file, int line, std::string_view what) {
  std::string text = file;
  if (line > 0) text += ":" + std::to_string(line);
  lines_.push_back(text.append(": ").append(what));
}

void Problems::add(const std::string& file, const YamlProblem& problem) {
  if (problem.column > 0) {
    add(file + ":" + std::to_string(problem.line) + ":" + std::to_string(problem.column), 0, problem.message);
  } else {
    add(file, problem.line, problem.message);
  }
}

std::string Problems::text() const { return join(lines_, "\n"); }

void ReadContext::warn(int line, std::string_view what) const {
  warnings.push_back((file + ":" + std::to_string(line) + ": ").append(what));
}

std::string did_you_mean(std::string_view name, std::span<const std::string> known) {
  const auto nearest = nearest_names(name, known, 1);
  return nearest.empty() ? "" : "; did you mean '" + nearest.front() + "'?";
}

std::string shown(const YamlNode& node) {
  switch (node.kind) {
    case Kind::kNull: return "nothing";
    case Kind::kList: return "a list";
    case Kind::kMap: return "a map";
    case Kind::kScalar: break;
  }
  return node.text.size() <= kLongestShown ? "'" + node.text + "'" : "'" + node.text.substr(0, kLongestShown) + "...'";
}

void Schema::add(Key key) {
  key.info.name.insert(0, prefix_);
  keys_.push_back(std::move(key));
}

void Schema::simple(KeyInfo info, Taker take) {
  std::string type = info.type;
  custom(std::move(info), [type = std::move(type), take = std::move(take)](const YamlNode& node, const ReadContext& context) {
    if (!take(node)) context.complain(node.line, "'" + context.key + "' must be " + type + ", not " + shown(node));
  });
}

void Schema::custom(KeyInfo info, Reader read) { add({.info = std::move(info), .read = std::move(read)}); }

void Schema::unused(std::string name, std::string doc) {
  custom({.name = std::move(name), .doc = std::move(doc)}, [](const YamlNode&, const ReadContext&) {});
  keys_.back().used = false;
}

void Schema::mark_unused(const std::string& name) {
  for (Key& key : keys_) {
    if (key.info.name == prefix_ + name) key.used = false;
  }
}

Schema& Schema::section(std::string name, std::string doc) {
  auto section = std::make_unique<Schema>();
  section->prefix_ = prefix_ + name + ".";
  section->warnings_ = warnings_;
  add({.info = {.name = std::move(name), .type = "a map", .doc = std::move(doc)}, .section = std::move(section)});
  return *keys_.back().section;
}

void Schema::flag(std::string name, bool& field, std::string doc) {
  simple({std::move(name), "true or false", field ? "true" : "false", std::move(doc)}, [&field](const YamlNode& node) {
    if (node.kind != Kind::kScalar || !node.plain || plain_scalar_kind(node.text) != ScalarKind::kBool) return false;
    field = plain_scalar_json(node.text) == "true";
    return true;
  });
}

void Schema::text(std::string name, std::string& field, std::string doc) {
  simple({std::move(name), "a text", field, std::move(doc)}, [&field](const YamlNode& node) {
    if (node.kind != Kind::kScalar) return false;
    field = node.text;
    return true;
  });
}

void Schema::texts(std::string name, std::vector<std::string>& field, std::string doc) {
  simple({std::move(name), "a text or a list of texts", join(field, ", "), std::move(doc)}, [&field](const YamlNode& node) {
    if (node.kind == Kind::kMap) return false;
    std::vector<std::string> values;
    if (node.kind == Kind::kScalar) values.push_back(node.text);
    for (const YamlNode& item : node.items) {
      if (item.kind != Kind::kScalar) return false;
      values.push_back(item.text);
    }
    field = std::move(values);
    return true;
  });
}

void Schema::size(std::string name, std::uint64_t& field, std::uint64_t low, std::uint64_t high, std::string doc) {
  const std::string type = "a size" + range_text(print_size(low), print_size(high)) + " (bytes, or with KiB, MiB, GiB)";
  simple({std::move(name), type, print_size(field), std::move(doc)}, [&field, low, high](const YamlNode& node) {
    if (node.kind != Kind::kScalar) return false;
    const auto value = parse_size(node.text);
    if (!value || *value < low || *value > high) return false;
    field = *value;
    return true;
  });
}

void Schema::integer(std::string name, std::int64_t fallback, std::int64_t low, std::int64_t high, std::string doc,
                     std::function<void(std::int64_t)> set) {
  const std::string type = "a number" + range_text(std::to_string(low), std::to_string(high));
  simple({std::move(name), type, std::to_string(fallback), std::move(doc)}, [set = std::move(set), low, high](const YamlNode& node) {
    const auto value = integer_of(node);
    if (!value || *value < low || *value > high) return false;
    set(*value);
    return true;
  });
}

void Schema::span_of_time(std::string name, milliseconds fallback, milliseconds low, milliseconds high, std::string doc,
                          milliseconds plain_unit, std::function<void(milliseconds)> set) {
  const std::string type = "a time" + range_text(print_duration(low), print_duration(high)) + " (a plain number counts " +
                           (plain_unit == std::chrono::seconds(1) ? "seconds"
                            : plain_unit == milliseconds(1)       ? "milliseconds"
                                                                  : "minutes") +
                           "; or with ms, s, m, h, d)";
  simple({std::move(name), type, print_duration(fallback), std::move(doc)},
         [set = std::move(set), low, high, plain_unit](const YamlNode& node) {
           if (node.kind != Kind::kScalar) return false;
           const auto value = parse_duration(node.text, plain_unit);
           if (!value || *value < low || *value > high) return false;
           set(*value);
           return true;
         });
}

void Schema::one_of(std::string name, std::vector<std::string> names, std::string fallback, std::string doc,
                    std::function<void(std::size_t)> set) {
  const std::string type = "one of " + join(names, ", ");
  custom({std::move(name), type, std::move(fallback), std::move(doc)},
         [type, names = std::move(names), set = std::move(set)](const YamlNode& node, const ReadContext& context) {
           const auto found = node.kind == Kind::kScalar ? std::ranges::find(names, node.text) : names.end();
           if (found != names.end()) return set(static_cast<std::size_t>(found - names.begin()));
           context.complain(node.line, "'" + context.key + "' must be " + type + ", not " + shown(node) + did_you_mean(node.text, names));
         });
}

void Schema::read(const YamlNode& root, const std::string& file, Problems& problems) {
  if (root.kind == Kind::kNull) return;
  if (root.kind != Kind::kMap) {
    const std::string what = prefix_.empty() ? "the file" : "'" + prefix_.substr(0, prefix_.size() - 1) + "'";
    problems.add(file, root.line, what + " must be a map of 'key: value', not " + shown(root));
    return;
  }
  for (const YamlField& field : root.fields) read_field(field, file, problems);
}

void Schema::read_field(const YamlField& field, const std::string& file, Problems& problems) {
  const std::string name = prefix_ + field.key;
  const auto key = std::ranges::find(keys_, name, [](const Key& k) -> const std::string& { return k.info.name; });
  if (key == keys_.end()) {
    std::vector<std::string> known;
    for (const Key& k : keys_) known.push_back(k.info.name.substr(prefix_.size()));
    const std::string where = prefix_.empty() ? "" : " in '" + prefix_.substr(0, prefix_.size() - 1) + "'";
    problems.add(file, field.line, "unknown key '" + field.key + "'" + where + did_you_mean(field.key, known));
    return;
  }
  places_[name] = {file, field.line};
  if (key->section) return key->section->read(field.value, file, problems);
  const ReadContext context{file, name, problems, *warnings_};
  if (!key->used) context.warn(field.line, "'" + name + "' is known, but not used by this version");
  key->read(field.value, context);
}

void Schema::complain_at(std::span<const std::string_view> keys, std::string_view what, Problems& problems) const {
  for (const std::string_view key : keys) {
    if (const auto place = places_.find(std::string(key)); place != places_.end()) {
      return problems.add(place->second.file, place->second.line, what);
    }
  }
  problems.add("configuration", 0, what);
}

std::vector<Schema::KeyInfo> Schema::reference() const {
  std::vector<KeyInfo> all;
  for (const Key& key : keys_) {
    if (key.section) {
      std::ranges::move(key.section->reference(), std::back_inserter(all));
    } else if (key.used) {
      all.push_back(key.info);
    }
  }
  return all;
}

}  // namespace brine::config
