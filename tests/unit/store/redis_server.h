// A real redis-server for tests: on a Unix socket and a free port of the loopback, in a folder of its own, gone with its owner.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tests/unit/store/scratch_folder.h"

namespace brine::store {

class RedisServer {
 public:
  // arguments: further lines of its configuration, as words of the command line: {"--maxmemory", "10mb"}. Returns when it serves; throws
  // when it does not.
  explicit RedisServer(std::vector<std::string> arguments = {});
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;
  ~RedisServer();

  std::string url() const { return "unix://" + path(); }
  std::string path() const { return folder_ / "redis.sock"; }
  std::uint16_t port() const { return port_; }

  void start();  // again, on what it has kept
  void kill();   // -9
  void pause();  // SIGSTOP
  void resume();

 private:
  ScratchFolder folder_;
  std::vector<std::string> arguments_;
  std::uint16_t port_ = 0;
  pid_t pid_ = -1;
};

}  // namespace brine::store
