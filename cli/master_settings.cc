#include "cli/master_settings.h"

#include "config/master_config.h"

namespace brine::cli {
namespace {

Result<config::MasterConfig> load(const Common& common) {
  auto config = config::load_master_config(common.config_dir);
  if (!config && config.error().code == Code::kNotFound && !common.config_dir_given) return config::MasterConfig{};
  return config;
}

}  // namespace

Result<MasterSettings> read_master_settings(const Common& common) {
  BRINE_LET(const config::MasterConfig config, load(common));
  std::vector<std::string> sockets{config.sock_dir + "/operator.ipc"};
  for (const std::string& folder : common.other_config_dirs) {
    BRINE_LET(const config::MasterConfig other, config::load_master_config(folder));
    sockets.push_back(other.sock_dir + "/operator.ipc");
  }
  return MasterSettings{.operator_sockets = std::move(sockets),
                        .event_socket = config.sock_dir + "/events.ipc",
                        .timeout = config.timeout,
                        .reconnect_grace = config.reconnect_grace};
}

}  // namespace brine::cli
