// A master that says what the test wants: a libzmq ROUTER on an ipc socket, on a thread of its own.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "wire/operator.h"

namespace brine::cli {

class FakeMaster {
 public:
  // What one life of the master does with a request. A life ends right after its first replies are on their way, and the next one begins
  // on the same socket; the last one goes on, unless the master does not stay.
  using Life = std::function<std::vector<wire::OperatorReply>(const wire::OperatorRequest&)>;

  // Listens when this returns.
  FakeMaster(const std::string& path, std::vector<Life> lives, bool stays = true);
  ~FakeMaster();

  // What came, in order.
  std::vector<wire::OperatorRequest> requests() const;

 private:
  void live(const std::string& path, const Life& life, bool ends);

  const std::vector<Life> lives_;
  mutable std::mutex mutex_;
  std::vector<wire::OperatorRequest> requests_;  // guarded by mutex_
  std::atomic<bool> listening_{false};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace brine::cli
