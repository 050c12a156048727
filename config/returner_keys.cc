#include "config/returner_keys.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/ids.h"

namespace brine::config {
namespace {

using Kind = YamlNode::Kind;

const std::vector<std::string>& known_kinds() {
  static const std::vector<std::string> kKinds = {"file", "redis", "kafka", "postgres", "syslog", "webhook"};
  return kKinds;
}

std::string text_at(const YamlNode& map, std::string_view key) {
  const auto field = std::ranges::find(map.fields, key, &YamlField::key);
  return field != map.fields.end() && field->value.kind == Kind::kScalar ? field->value.text : "";
}

FileReturnerConfig read_file_returner(const YamlNode& entry, const std::string& name, const ReadContext& context) {
  FileReturnerConfig config{.name = name};
  std::string kind;
  Schema schema;
  schema.text("name", config.name, "");
  schema.text("kind", kind, "");
  schema.text("path", config.path, "");
  schema.size("max_bytes", config.max_bytes, 1ULL << 16, 1ULL << 40, "");
  schema.number("keep", config.keep, 0, 1000, "");
  schema.read(entry, context.file, context.problems);
  if (config.path.empty()) context.complain(entry.line, "returner '" + name + "' needs a 'path'");
  return config;
}

class ReturnersReader {
 public:
  ReturnersReader(std::vector<FileReturnerConfig>& files, const ReadContext& context) : files_(files), context_(context) {}

  void read(const YamlNode& entry) {
    if (entry.kind != Kind::kMap) return context_.complain(entry.line, "a returner is a map with at least a 'name', not " + shown(entry));
    const std::string name = text_at(entry, "name");
    if (!is_path_component(name)) return context_.complain(entry.line, "a returner needs a 'name' (without '/')");
    if (!names_.insert(name).second) return context_.complain(entry.line, "two returners are called '" + name + "'");
    const std::string kind = text_at(entry, "kind").empty() ? name : text_at(entry, "kind");
    if (kind == "file") {
      files_.push_back(read_file_returner(entry, name, context_));
    } else if (std::ranges::find(known_kinds(), kind) != known_kinds().end()) {
      context_.warn(entry.line, "returner '" + name + "': the kind '" + kind + "' is known, but not used by this version");
    } else {
      context_.complain(entry.line, "returner '" + name + "': unknown kind '" + kind + "'" + did_you_mean(kind, known_kinds()));
    }
  }

 private:
  std::vector<FileReturnerConfig>& files_;
  const ReadContext& context_;
  std::set<std::string> names_;
};

}  // namespace

void declare_returners(Schema& schema, std::vector<FileReturnerConfig>& field) {
  schema.custom({"returners", "a list of {name, kind, ...}", "none",
                 "Where returns are sent: kind file takes path, max_bytes (100MiB) and keep (5)."},
                [&field](const YamlNode& node, const ReadContext& context) {
                  field.clear();
                  if (node.kind == Kind::kNull) return;
                  if (node.kind != Kind::kList) return context.complain(node.line, "'returners' must be a list, not " + shown(node));
                  ReturnersReader reader(field, context);
                  for (const YamlNode& entry : node.items) reader.read(entry);
                });
}

}  // namespace brine::config
