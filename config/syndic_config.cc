#include "config/syndic_config.h"

#include <utility>

#include "config/config_files.h"

namespace brine::config {
namespace {

using std::chrono::hours;

// What the file says; turned into SyndicConfig once all keys are known.
struct Texts {
  std::string id;
  std::vector<std::string> masters = {"brine"};
};

void declare(Schema& schema, SyndicConfig& config, Texts& texts) {
  schema.text("id", texts.id, "Name of this syndic; the default is the host name.");
  declare_addresses(
      schema,
      {"syndic_master", "a host, host:port or ipc:///path, or a list of them", "brine", "Where the masters are, or the syndics above."},
      texts.masters);
  schema.number<std::uint16_t>("syndic_master_port", config.syndic_master_port, 1, 65535, "Port of masters that are given without one.");
  declare_connecting(schema, config);
  schema.flag("compress", config.compress, "Compress what goes up.");
  schema.duration("enrolment_cache", config.enrolment_cache, seconds(0), hours(24 * 365),
                  "How long keys that are known are honoured while no master is reached.");
  declare_face(schema, config);
  schema.duration("ticket_life", config.ticket_life, seconds(10), seconds(3600), "Life of a ticket with which a session is resumed.");
  declare_folders(schema, config);
  Schema& spool = schema.section("spool", "Returns that no master has acknowledged yet.");
  spool.text("path", config.spool.path, "Its folder; the default is spool in cachedir.");
  spool.size("max_bytes", config.spool.max_bytes, 1ULL << 20, 1ULL << 44, "Its bound; a full spool takes no more returns.");
  schema.duration("shutdown_deadline", config.shutdown_deadline, milliseconds(0), hours(1),
                  "Time for returns that are on their way up, after SIGTERM.");
  declare_metrics(schema, config.metrics);
}

void put_below_root(SyndicConfig& config) {
  if (config.spool.path.empty()) config.spool.path = config.cachedir + "/spool";
  for (std::string* path : {&config.pki_dir, &config.cachedir, &config.sock_dir, &config.log_file, &config.ret_ipc, &config.spool.path}) {
    *path = below_root(config.root_dir, *path);
  }
}

}  // namespace

Result<SyndicConfig> load_syndic_config(const std::string& dir) {
  SyndicConfig config{.conf_dir = dir, .worker_threads = default_worker_threads()};
  Texts texts{.id = host_name()};
  Schema schema;
  declare(schema, config, texts);
  Problems problems;
  BRINE_TRY(read_config(dir, "syndic", schema, problems));
  check_session(schema, config, problems);
  check_back_off(schema, config, problems);
  check_name(schema, "id", texts.id, problems);
  if (!problems.empty()) return fail(Code::kInvalid, problems.text());
  config.id = MinionId::trusted(texts.id);
  config.syndic_master = addresses_of(texts.masters, config.syndic_master_port);
  put_below_root(config);
  config.warnings = schema.warnings();
  return config;
}

std::vector<Schema::KeyInfo> syndic_reference() {
  SyndicConfig config{.worker_threads = default_worker_threads()};
  Texts texts;
  Schema schema;
  declare(schema, config, texts);
  return schema.reference();
}

}  // namespace brine::config
