#include "cli/output/printer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/nearest.h"
#include "cli/output/nested.h"
#include "cli/output/python_text.h"
#include "config/yaml.h"

namespace brine::cli {
namespace {

constexpr int kIndent = 4;
constexpr std::array<const char*, 6> kNames{"nested", "json", "yaml", "txt", "raw", "quiet"};  // in the order of Format

Json keyed(const std::string& id, const Json& value) {
  Json json = Json::object();
  json[id] = value;
  return json;
}

// Several lines carry the id each.
std::string txt(const std::string& id, const Json& value, const Look& look) {
  const std::string whole = look.safe(python_str(value));
  std::string_view rest = whole;
  std::string out;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    out.append(id).append(": ").append(rest.substr(0, end)).push_back('\n');
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return out;
}

std::string joined(const std::map<std::string, Entry>& entries, const char* separator, std::string (*text)(const Json&)) {
  std::string out = "{";
  for (bool first = true; const auto& [id, entry] : entries) {
    if (!std::exchange(first, false)) out += separator;
    const std::string one = text(keyed(id, entry.value));
    out.append(one, 1, one.size() - 2);
  }
  return out + "}\n";
}

std::string compact(const Json& value) { return to_text(value); }

}  // namespace

Result<Format> parse_format(std::string_view name) {
  const std::vector<std::string> names(kNames.begin(), kNames.end());
  const auto found = std::ranges::find(names, name);
  if (found != names.end()) return static_cast<Format>(found - names.begin());
  const auto near = nearest_names(name, names, 1);
  return fail(Code::kInvalid, fmt::format("unknown output '{}'; {}there are {}", name,
                                          near.empty() ? "" : "did you mean " + near.front() + "? ", fmt::join(kNames, ", ")));
}

std::string Printer::entry(const std::string& id, const Entry& entry) const {
  switch (format_) {
    case Format::kNested: return nested_text(keyed(id, entry.value), look_, entry.retcode);
    case Format::kJson: return to_text(keyed(id, entry.value)) + "\n";
    case Format::kYaml: return config::json_to_yaml(to_text(keyed(id, entry.value)));
    case Format::kTxt: return txt(id, entry.value, look_);
    case Format::kRaw: return python_repr(keyed(id, entry.value)) + "\n";
    case Format::kQuiet: return "";
  }
  return "";
}

std::string Printer::entries(const std::map<std::string, Entry>& entries) const {
  if (format_ == Format::kJson) return joined(entries, ",", compact);
  if (format_ == Format::kRaw) return joined(entries, ", ", python_repr);
  if (format_ == Format::kYaml && entries.empty()) return "{}\n";
  std::string out;
  for (const auto& [id, one] : entries) out += entry(id, one);
  return out;
}

std::string Printer::value(const Json& value, int retcode) const {
  switch (format_) {
    case Format::kNested: return nested_text(value, look_, retcode);
    case Format::kJson: return to_text(value, kIndent) + "\n";
    case Format::kYaml: return config::json_to_yaml(to_text(value));
    case Format::kTxt: {
      if (!value.is_object()) return look_.safe(python_str(value)) + "\n";
      std::string out;
      for (const auto& [key, item] : value.items()) out += txt(look_.safe(key), item, look_);
      return out;
    }
    case Format::kRaw: return python_repr(value) + "\n";
    case Format::kQuiet: return "";
  }
  return "";
}

}  // namespace brine::cli
