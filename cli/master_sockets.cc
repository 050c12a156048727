#include "cli/master_sockets.h"

namespace brine::cli {

Result<std::unique_ptr<net::OperatorClient>> MasterSockets::connect() {
  Error reason{Code::kUnavailable, "there is no master to turn to"};
  for (std::size_t tried = 0; tried < paths_.size(); ++tried) {
    const std::string& path = paths_[next_];
    next_ = (next_ + 1) % paths_.size();
    auto client = net::OperatorClient::connect(path);
    if (client) return client;
    reason = std::move(client.error());
  }
  return std::unexpected(std::move(reason));
}

}  // namespace brine::cli
