#include "config/minion_config.h"

#include <utility>

#include "base/file.h"
#include "base/join_token.h"
#include "config/config_files.h"
#include "config/known_keys.h"

namespace brine::config {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using Kind = YamlNode::Kind;

constexpr std::size_t kMaxIdFileBytes = 4096;

// What the file says; turned into MinionConfig once all keys are known.
struct Texts {
  std::string id;
  std::string join_token;
  std::string join_token_file;
  std::vector<std::string> masters = {"brine"};
};

void declare_masters(Schema& schema, MinionConfig& config, Texts& texts) {
  schema.text("id", texts.id, "Name of this minion; the default is the first line of minion_id beside this file, else the host name.");
  declare_addresses(schema, {"master", "a host, host:port or ipc:///path, or a list of them", "brine", "Where the masters are."},
                    texts.masters);
  schema.number<std::uint16_t>("master_port", config.master_port, 1, 65535, "Port of masters that are given without one.");
  declare_connecting(schema, config);
  schema.text("join_token", texts.join_token, "Lets the key of this minion in without an operator (brine-key --token-create).");
  schema.text("join_token_file", texts.join_token_file,
              "File whose first line is the join token; it may be gone once the key is accepted.");
  declare_session(schema, config);
}

void declare_jobs(Schema& schema, MinionConfig& config) {
  Schema& spool = schema.section("spool", "The journal of jobs and of returns that are not acknowledged.");
  spool.text("path", config.spool.path, "Its folder; the default is spool in cachedir.");
  spool.size("max_bytes", config.spool.max_bytes, 1ULL << 20, 1ULL << 44, "Its bound; a full spool refuses new jobs.");
  schema.number("process_count_max", config.process_count_max, 1, 1000, "Jobs that run at once.");
  schema.number<std::uint64_t>("job_queue_max", config.job_queue_max, 0, 1'000'000, "Jobs that wait; beyond it they are refused.");
  schema.size("cmd_output_max", config.cmd_output_max, 1024, 256ULL << 20, "Output of a command that is kept.");
  schema.duration("shutdown_deadline", config.shutdown_deadline, milliseconds(0), hours(1), "Time for what runs, after SIGTERM.");
}

void declare_grains(Schema& schema, MinionConfig& config) {
  schema.simple({"grains", "a map", "{}", "Grains of this minion."}, [&config](const YamlNode& node) {
    if (node.kind != Kind::kMap && node.kind != Kind::kNull) return false;
    config.grains = node.kind == Kind::kMap ? json_of(node) : "{}";
    return true;
  });
  schema.duration("grains_refresh_every", config.grains_refresh_every, milliseconds(0), days(30),
                  "How often grains are gathered anew; 0: only at start and when asked.", minutes(1));
}

void declare_mine(Schema& schema, MinionConfig& config) {
  declare_mine_functions(schema, config.mine_functions);
  schema.duration("mine_interval", config.mine_interval, milliseconds(1'000), days(30),
                  "How often the mine_functions are run; what has changed is sent.", minutes(1));
}

void declare(Schema& schema, MinionConfig& config, Texts& texts) {
  declare_masters(schema, config, texts);
  declare_folders(schema, config);
  declare_jobs(schema, config);
  declare_grains(schema, config);
  declare_mine(schema, config);
  declare_metrics(schema, config.metrics);
  declare_known_minion_keys(schema);
}

std::string trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return "";
  return std::string(text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1));
}

void choose_id(const Schema& schema, const Texts& texts, MinionConfig& config, Problems& problems) {
  const std::string id_file = config.conf_dir + "/minion_id";
  std::string id = texts.id;
  std::string from = "'id'";
  if (id.empty()) {
    const auto content = read_file(id_file, kMaxIdFileBytes);
    if (!content && content.error().code != Code::kNotFound) return problems.add(id_file, 0, content.error().message);
    id = content ? trimmed(content->substr(0, content->find('\n'))) : "";
    from = id_file;
  }
  if (id.empty()) {
    id = host_name();
    from = "the host name, which is the id where none is set,";
  }
  auto parsed = MinionId::parse(id);
  if (parsed) {
    config.id = std::move(*parsed);
  } else {
    schema.complain_at({{"id"}}, from + " cannot be '" + id + "': " + parsed.error().message, problems);
  }
}

// A file that is gone is no mistake: it is needed once.
void choose_join_token(const Schema& schema, const Texts& texts, MinionConfig& config, Problems& problems) {
  if (!texts.join_token.empty() && !texts.join_token_file.empty())
    return schema.complain_at({{"join_token", "join_token_file"}}, "give only one of 'join_token' and 'join_token_file'", problems);
  std::string token = texts.join_token;
  const char* key = "join_token";
  if (!texts.join_token_file.empty()) {
    key = "join_token_file";
    const auto content = read_file(below_root(config.root_dir, texts.join_token_file), kMaxIdFileBytes);
    if (!content && content.error().code == Code::kNotFound) return;
    if (!content) return schema.complain_at({{key}}, content.error().message, problems);
    token = trimmed(content->substr(0, content->find('\n')));
  }
  if (token.empty()) return;
  if (auto parsed = JoinToken::parse(token); !parsed)
    return schema.complain_at({{key}}, "'" + std::string(key) + "' holds no join token: " + parsed.error().message, problems);
  config.join_token = token;
}

void put_below_root(MinionConfig& config) {
  if (config.spool.path.empty()) config.spool.path = config.cachedir + "/spool";
  for (std::string* path : {&config.pki_dir, &config.cachedir, &config.sock_dir, &config.log_file, &config.spool.path}) {
    *path = below_root(config.root_dir, *path);
  }
}

}  // namespace

Result<MinionConfig> load_minion_config(const std::string& dir) {
  MinionConfig config{.conf_dir = dir};
  Texts texts;
  Schema schema;
  declare(schema, config, texts);
  Problems problems;
  BRINE_TRY(read_config(dir, "minion", schema, problems));
  check_session(schema, config, problems);
  check_back_off(schema, config, problems);
  choose_id(schema, texts, config, problems);
  choose_join_token(schema, texts, config, problems);
  if (!problems.empty()) return fail(Code::kInvalid, problems.text());
  config.master = addresses_of(texts.masters, config.master_port);
  put_below_root(config);
  config.warnings = schema.warnings();
  return config;
}

std::vector<Schema::KeyInfo> minion_reference() {
  MinionConfig config;
  Texts texts;
  Schema schema;
  declare(schema, config, texts);
  return schema.reference();
}

}  // namespace brine::config
