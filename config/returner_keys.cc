#include "config/returner_keys.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/ids.h"
#include "config/config_files.h"
#include "config/syslog_address.h"
#include "config/table_name.h"

namespace brine::config {
namespace {

using Kind = YamlNode::Kind;

// What a kind cannot do without, as the name of the key.
struct Needed {
  std::string_view key;
  const std::string* value;
};

constexpr std::array kOutcomes{"success", "failure", "returned", "interrupted", "refused", "no_match", "unknown"};

const std::vector<std::string>& known_kinds() {
  static const std::vector<std::string> kKinds = [] {
    std::vector<std::string> kinds;
    const auto add = [&]<typename... Settings>(const std::variant<Settings...>*) { (kinds.emplace_back(Settings::kKind), ...); };
    add(static_cast<const ReturnerSettings*>(nullptr));
    return kinds;
  }();
  return kKinds;
}

std::string text_at(const YamlNode& map, std::string_view key) {
  const auto field = std::ranges::find(map.fields, key, &YamlField::key);
  return field != map.fields.end() && field->value.kind == Kind::kScalar ? field->value.text : "";
}

// A map of texts; numbers and truth values count as they are written.
void declare_text_map(Schema& schema, std::string name, std::map<std::string, std::string>& field) {
  schema.custom({std::move(name), "a map of texts", "", ""}, [&field](const YamlNode& node, const ReadContext& context) {
    if (node.kind != Kind::kMap) return context.complain(node.line, "'" + context.key + "' must be a map, not " + shown(node));
    for (const YamlField& entry : node.fields) {
      if (entry.value.kind != Kind::kScalar) {
        context.complain(entry.line, "'" + context.key + "." + entry.key + "' must be a text, not " + shown(entry.value));
      } else {
        field[entry.key] = entry.value.text;
      }
    }
  });
}

// A text that judge(text), a Status or a Result, accepts.
template <typename Judge>
void declare_judged_text(Schema& schema, std::string name, std::string& field, Judge judge) {
  schema.custom({std::move(name), "a text", "", ""}, [&field, judge](const YamlNode& node, const ReadContext& context) {
    if (node.kind != Kind::kScalar) return context.complain(node.line, "'" + context.key + "' must be a text, not " + shown(node));
    field = node.text;
    if (const auto judged = judge(field); !judged && !field.empty())
      context.complain(node.line, "'" + context.key + "': " + judged.error().message);
  });
}

// RFC 5424, section 6.2.1, under the names of syslog.conf(5).
std::vector<std::pair<std::string, std::uint8_t>> facilities() {
  std::vector<std::pair<std::string, std::uint8_t>> codes{{"kern", 0}, {"user", 1},   {"mail", 2},      {"daemon", 3},
                                                          {"auth", 4}, {"syslog", 5}, {"lpr", 6},       {"news", 7},
                                                          {"uucp", 8}, {"cron", 9},   {"authpriv", 10}, {"ftp", 11}};
  for (std::uint8_t i = 0; i < 8; ++i) codes.emplace_back("local" + std::to_string(i), static_cast<std::uint8_t>(16 + i));
  return codes;
}

Status judge_app_name(const std::string& name) {
  const bool printable = std::ranges::all_of(name, [](char c) { return c > ' ' && c <= '~'; });
  if (printable && name.size() <= 48) return {};
  return fail(Code::kInvalid, "'" + name + "' must be 1 to 48 printable ASCII characters, without spaces (RFC 5424)");
}

void declare_timeout(Schema& schema, std::string name, milliseconds& field) {
  schema.duration(std::move(name), field, milliseconds(100), std::chrono::minutes(10), "");
}

// ---- kinds: their keys, and what they need -----------------------------------------------------------------------------------

std::vector<Needed> declare_kind(Schema& schema, FileReturnerConfig& file) {
  schema.text("path", file.path, "");
  schema.size("max_bytes", file.max_bytes, 1ULL << 16, 1ULL << 40, "");
  schema.number("keep", file.keep, 0, 1000, "");
  return {{"path", &file.path}};
}

std::vector<Needed> declare_kind(Schema& schema, RedisReturnerConfig& redis) {
  schema.text("url", redis.url, "");
  schema.text("user", redis.user, "");
  schema.text("password_file", redis.password_file, "");
  schema.text("stream", redis.stream, "");
  schema.text("event_stream", redis.event_stream, "");
  schema.number<std::uint64_t>("max_length", redis.max_length, 0, 1ULL << 40, "");
  declare_timeout(schema, "timeout", redis.timeout);
  return {{"url", &redis.url}, {"stream", &redis.stream}, {"event_stream", &redis.event_stream}};
}

std::vector<Needed> declare_kind(Schema& schema, KafkaReturnerConfig& kafka) {
  schema.text("brokers", kafka.brokers, "");
  schema.text("topic", kafka.topic, "");
  schema.text("event_topic", kafka.event_topic, "");
  declare_timeout(schema, "delivery_timeout", kafka.delivery_timeout);
  schema.text("password_file", kafka.password_file, "");
  declare_text_map(schema, "settings", kafka.settings);
  return {{"brokers", &kafka.brokers}, {"topic", &kafka.topic}, {"event_topic", &kafka.event_topic}};
}

std::vector<Needed> declare_kind(Schema& schema, PostgresReturnerConfig& postgres) {
  schema.text("dsn", postgres.dsn, "");
  declare_judged_text(schema, "table", postgres.table, parse_table_name);
  declare_judged_text(schema, "event_table", postgres.event_table, parse_table_name);
  schema.flag("create_tables", postgres.create_tables, "");
  declare_timeout(schema, "timeout", postgres.timeout);
  return {{"dsn", &postgres.dsn}, {"table", &postgres.table}, {"event_table", &postgres.event_table}};
}

std::vector<Needed> declare_kind(Schema& schema, SyslogReturnerConfig& syslog) {
  declare_judged_text(schema, "address", syslog.address, parse_syslog_address);
  schema.choice("facility", syslog.facility, facilities(), "");
  declare_judged_text(schema, "app_name", syslog.app_name, judge_app_name);
  schema.size("max_message", syslog.max_message, 480, 64ULL << 20, "");
  declare_timeout(schema, "timeout", syslog.timeout);
  return {{"address", &syslog.address}, {"app_name", &syslog.app_name}};
}

std::vector<Needed> declare_kind(Schema& schema, WebhookReturnerConfig& webhook) {
  schema.text("url", webhook.url, "");
  schema.text("secret_file", webhook.secret_file, "");
  schema.text("ca_file", webhook.ca_file, "");
  declare_text_map(schema, "headers", webhook.headers);
  declare_timeout(schema, "timeout", webhook.timeout);
  return {{"url", &webhook.url}};
}

std::vector<Needed> declare_kind(Schema& schema, PluginReturnerConfig& plugin) {
  schema.text("library", plugin.library, "");
  schema.custom({"settings", "a map", "", ""}, [&plugin](const YamlNode& node, const ReadContext& context) {
    if (node.kind != Kind::kMap) return context.complain(node.line, "'settings' must be a map, not " + shown(node));
    plugin.settings = json_of(node);
  });
  return {{"library", &plugin.library}};
}

// ---- what all have -----------------------------------------------------------------------------------------------------------

void declare_filter(Schema& schema, std::string name, ReturnerFilter& filter) {
  Schema& section = schema.section(std::move(name), "");
  section.texts("functions", filter.functions, "");
  section.texts("minions", filter.minions, "");
  section.texts("outcomes", filter.outcomes, "");
}

void check_outcomes(const ReturnerFilter& filter, int line, const ReadContext& context) {
  const std::vector<std::string> known(kOutcomes.begin(), kOutcomes.end());
  for (const std::string& outcome : filter.outcomes) {
    if (std::ranges::find(known, outcome) == known.end())
      context.complain(line, "there is no outcome '" + outcome + "'" + did_you_mean(outcome, known));
  }
}

template <typename Settings>
ReturnerConfig read_kind(const YamlNode& entry, const std::string& name, const ReadContext& context) {
  ReturnerConfig config{.name = name, .settings = Settings{}};
  std::string kind, written;
  Schema schema;
  schema.text("name", written, "");
  schema.text("kind", kind, "");
  schema.number<std::uint64_t>("batch", config.batch, 1, 100'000, "");
  schema.text("dead_letters", config.dead_letters, "");
  declare_filter(schema, "only", config.only);
  declare_filter(schema, "except", config.except);
  const std::vector<Needed> needed = declare_kind(schema, std::get<Settings>(config.settings));
  schema.read(entry, context.file, context.problems);
  for (const Needed& need : needed) {
    if (need.value->empty()) context.complain(entry.line, "returner '" + name + "' needs a '" + std::string(need.key) + "'");
  }
  check_outcomes(config.only, entry.line, context);
  check_outcomes(config.except, entry.line, context);
  return config;
}

class ReturnersReader {
 public:
  ReturnersReader(std::vector<ReturnerConfig>& returners, const ReadContext& context) : returners_(returners), context_(context) {}

  void read(const YamlNode& entry) {
    if (entry.kind != Kind::kMap) return context_.complain(entry.line, "a returner is a map with at least a 'name', not " + shown(entry));
    const std::string name = text_at(entry, "name");
    if (!is_path_component(name)) return context_.complain(entry.line, "a returner needs a 'name' (without '/')");
    if (!names_.insert(name).second) return context_.complain(entry.line, "two returners are called '" + name + "'");
    const std::string kind = text_at(entry, "kind").empty() ? name : text_at(entry, "kind");
    if (!read_as(kind, entry, name, static_cast<const ReturnerSettings*>(nullptr)))
      context_.complain(entry.line, "returner '" + name + "': unknown kind '" + kind + "'" + did_you_mean(kind, known_kinds()));
  }

 private:
  template <typename... Settings>
  bool read_as(const std::string& kind, const YamlNode& entry, const std::string& name, const std::variant<Settings...>*) {
    const auto try_one = [&]<typename One>() {
      if (kind != One::kKind) return false;
      returners_.push_back(read_kind<One>(entry, name, context_));
      return true;
    };
    return (try_one.template operator()<Settings>() || ...);
  }

  std::vector<ReturnerConfig>& returners_;
  const ReadContext& context_;
  std::set<std::string> names_;
};

struct FilesOf {
  std::vector<std::string*> operator()(FileReturnerConfig& file) const { return {&file.path}; }
  std::vector<std::string*> operator()(RedisReturnerConfig& redis) const { return {&redis.password_file}; }
  std::vector<std::string*> operator()(KafkaReturnerConfig& kafka) const { return {&kafka.password_file}; }
  std::vector<std::string*> operator()(PostgresReturnerConfig&) const { return {}; }
  std::vector<std::string*> operator()(SyslogReturnerConfig&) const { return {}; }
  std::vector<std::string*> operator()(WebhookReturnerConfig& webhook) const { return {&webhook.secret_file, &webhook.ca_file}; }
  std::vector<std::string*> operator()(PluginReturnerConfig& plugin) const { return {&plugin.library}; }
};

}  // namespace

void declare_returners(Schema& schema, std::vector<ReturnerConfig>& field) {
  schema.custom({"returners", "a list of {name, kind, ...}", "none", "Where returns and events are sent; docs/returners.md."},
                [&field](const YamlNode& node, const ReadContext& context) {
                  field.clear();
                  if (node.kind == Kind::kNull) return;
                  if (node.kind != Kind::kList) return context.complain(node.line, "'returners' must be a list, not " + shown(node));
                  ReturnersReader reader(field, context);
                  for (const YamlNode& entry : node.items) reader.read(entry);
                });
}

void put_returners_below_root(const std::string& root, const std::string& cachedir, std::vector<ReturnerConfig>& returners) {
  for (ReturnerConfig& returner : returners) {
    for (std::string* path : std::visit(FilesOf{}, returner.settings)) *path = below_root(root, *path);
    returner.dead_letters =
        returner.dead_letters.empty() ? cachedir + "/dead_letters/" + returner.name + ".jsonl" : below_root(root, returner.dead_letters);
  }
}

}  // namespace brine::config
