#include "config/master_config.h"

#include <algorithm>
#include <charconv>

#include "base/ids.h"
#include "config/config_files.h"
#include "config/known_keys.h"
#include "config/returner_keys.h"

namespace brine::config {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using Kind = YamlNode::Kind;

void declare_network(Schema& schema, MasterConfig& config) {
  declare_face(schema, config);
  schema.number<std::uint16_t>("publish_port", config.publish_port, 0, 65535, "Kept for a later version.");
  schema.mark_unused("publish_port");
  schema.text("address", config.address,
              "host:port under which minions reach this master, when there are several; the default is the interface, or the host name.");
}

void declare_keys(Schema& schema, MasterConfig& config) {
  schema.flag("auto_accept", config.auto_accept, "Accept every key. For tests only.");
  schema.text("autosign_file", config.autosign_file, "File with one glob of minion ids per line whose keys are accepted.");
  schema.duration("acceptance_wait_time", config.acceptance_wait_time, milliseconds(100), hours(24),
                  "How long pending minions are told to wait before they ask again.");
  schema.number("pending_keys_max", config.pending_keys_max, 1, 1'000'000, "Pending keys that are kept.");
  schema.duration("pending_keys_seconds", config.pending_keys_seconds, seconds(60), days(365), "How long a pending key is kept.");
  schema.duration("presence_expiry", config.presence_expiry, seconds(1), days(365),
                  "How long a minion that joined with an ephemeral token may be away before it is forgotten.");
  schema.duration("ticket_life", config.ticket_life, seconds(10), seconds(3600), "Life of a ticket with which a session is resumed.");
  schema.number("manifest_days", config.manifest_days, 1, 3650, "Validity of a manifest that this master signs.");
}

void declare_jobs(Schema& schema, MasterConfig& config) {
  schema.duration("timeout", config.timeout, milliseconds(100), days(1), "Wait for a first sign of life where -t is not given.");
  schema.duration("reconnect_grace", config.reconnect_grace, milliseconds(0), hours(1),
                  "A minion whose session ended less than this ago is waited for.");
  schema.duration("keep_jobs_seconds", config.keep_jobs_seconds, seconds(1), days(3650), "How long jobs and returns can be looked up.");
  schema.duration("max_expires", config.max_expires, seconds(1), days(365), "The longest --expires.");
  schema.number<std::uint64_t>("max_open_jobs", config.max_open_jobs, 1, 10'000'000,
                               "Jobs that wait for returns; beyond it new ones are refused.");
  schema.number<std::uint64_t>("max_pending_returns", config.max_pending_returns, 64, 100'000'000,
                               "Returns that wait for their commit; beyond it connections are not read.");
  schema.number<std::uint64_t>("event_queue", config.event_queue, 16, 10'000'000,
                               "Events that wait per subscriber; a slower one is cut off.");
  schema.texts("operators", config.operators, "User names or uids that may give commands, besides root and the daemon's user.");
}

void declare_state(Schema& schema, StateConfig& config) {
  Schema& state = schema.section("state", "Where keys, jobs and returns are kept.");
  state.choice<StateBackend>("backend", config.backend, {{"sqlite", StateBackend::kSqlite}, {"redis", StateBackend::kRedis}},
                             "sqlite: for one master, on its disk; redis: for any number of masters.");
  state.text("path", config.path, "Folder of the embedded store; with redis, of this master's copies.");
  state.text("url", config.url, "Of the Redis: redis://host:port/database, unix:///path or redis+sentinel://host,host/name.");
  state.text("user", config.user, "Of the Redis; the default is its default user.");
  state.text("password_file", config.password_file, "File with the password of that user.");
  state.choice<Durability>("durability", config.durability,
                           {{"async", Durability::kAsync}, {"replicated", Durability::kReplicated}, {"synced", Durability::kSynced}},
                           "What a Redis must have done with a return before it is acknowledged; sqlite always syncs.");
  state.number("partitions", config.partitions, 1, 1, "Of a Redis.");
}

void declare_outgoing(Schema& schema, MasterConfig& config) {
  Schema& outbox = schema.section("outbox", "What is kept for the returners until each has taken it.");
  outbox.size("max_bytes", config.outbox.max_bytes, 1ULL << 20, 1ULL << 44, "Bound of the outbox.");
  outbox.duration("keep_seconds", config.outbox.keep_seconds, seconds(60), days(365), "Bound of the age of its entries.");
  outbox.choice<OutboxFull>("on_full", config.outbox.on_full,
                            {{"refuse_jobs", OutboxFull::kRefuseJobs}, {"drop_oldest", OutboxFull::kDropOldest}},
                            "What happens at the bound.");
  declare_returners(schema, config.returners);
  schema.texts("event_return", config.event_return, "Names of returners that get events as well.");
  schema.texts("event_return_whitelist", config.event_return_whitelist, "Globs of the tags of events that are sent; none: of all.");
  schema.texts("event_return_blacklist", config.event_return_blacklist, "Globs of the tags of events that are not sent.");
  declare_metrics(schema, config.metrics);
}

void declare(Schema& schema, MasterConfig& config) {
  schema.text("id", config.id, "Name of this master in the cluster; the default is the host name.");
  schema.text("cluster", config.cluster, "Name of the cluster; minions of another one are refused.");
  declare_network(schema, config);
  declare_folders(schema, config);
  declare_keys(schema, config);
  declare_jobs(schema, config);
  declare_state(schema, config.state);
  declare_outgoing(schema, config);
  declare_known_master_keys(schema);
}

void put_below_root(MasterConfig& config) {
  for (std::string* path : {&config.pki_dir, &config.cachedir, &config.sock_dir, &config.log_file, &config.autosign_file, &config.ret_ipc,
                            &config.state.path, &config.state.password_file}) {
    *path = below_root(config.root_dir, *path);
  }
  put_returners_below_root(config.root_dir, config.cachedir, config.returners);
}

void check_state(const Schema& schema, const StateConfig& state, Problems& problems) {
  if (state.backend == StateBackend::kRedis && state.url.empty())
    schema.complain_at({{"state", "backend"}}, "'state.backend: redis' needs state.url, as redis://host:6379", problems);
  if (state.backend == StateBackend::kSqlite && !state.url.empty())
    schema.complain_at({{"state", "url"}}, "'state.url' is for 'state.backend: redis'", problems);
}

void check_address(const Schema& schema, MasterConfig& config, Problems& problems) {
  if (config.address.empty()) return;
  const auto address = parse_address(config.address);
  if (!address || address->is_ipc())
    schema.complain_at({{"address"}}, "'address' must be host or host:port, not '" + config.address + "'", problems);
}

void check_event_return(const Schema& schema, const MasterConfig& config, Problems& problems) {
  std::vector<std::string> names;
  for (const ReturnerConfig& returner : config.returners) names.push_back(returner.name);
  for (const std::string& name : config.event_return) {
    if (std::ranges::find(names, name) == names.end())
      schema.complain_at({{"event_return"}}, "'event_return' names no returner '" + name + "'" + did_you_mean(name, names), problems);
  }
}

}  // namespace

Result<MasterConfig> load_master_config(const std::string& dir) {
  MasterConfig config{.conf_dir = dir, .id = host_name(), .worker_threads = default_worker_threads()};
  Schema schema;
  declare(schema, config);
  Problems problems;
  BRINE_TRY(read_config(dir, "master", schema, problems));
  check_session(schema, config, problems);
  check_name(schema, "id", config.id, problems);
  check_name(schema, "cluster", config.cluster, problems);
  check_state(schema, config.state, problems);
  check_address(schema, config, problems);
  check_event_return(schema, config, problems);
  if (!problems.empty()) return fail(Code::kInvalid, problems.text());
  put_below_root(config);
  config.warnings = schema.warnings();
  return config;
}

std::vector<Schema::KeyInfo> master_reference() {
  MasterConfig config{.worker_threads = default_worker_threads()};
  Schema schema;
  declare(schema, config);
  return schema.reference();
}

}  // namespace brine::config
