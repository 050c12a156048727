// A path for a socket in a folder of its own that goes away with it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace brine::cli {

class ScratchSocket {
 public:
  ScratchSocket() {
    std::string name = "/tmp/brine-cli-XXXXXX";
    folder_ = ::mkdtemp(name.data());
  }
  ~ScratchSocket() { std::filesystem::remove_all(folder_); }
  ScratchSocket(const ScratchSocket&) = delete;
  ScratchSocket& operator=(const ScratchSocket&) = delete;

  std::string path() const { return folder_ + "/operator.ipc"; }
  const std::string& folder() const { return folder_; }

 private:
  std::string folder_;
};

}  // namespace brine::cli
