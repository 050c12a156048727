// The masters of this machine that the command line may turn to: -c may be given several times. Confined to one thread.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/operator_client.h"

namespace brine::cli {

class MasterSockets {
 public:
  explicit MasterSockets(std::vector<std::string> paths) : paths_(std::move(paths)) {}

  // The first that serves, from the one behind the last on. Without any: why the last that was tried does not.
  Result<std::unique_ptr<net::OperatorClient>> connect();
  bool several() const { return paths_.size() > 1; }

 private:
  const std::vector<std::string> paths_;
  std::size_t next_ = 0;
};

}  // namespace brine::cli
