// Returns as JSON lines in a file, rotated by size, synced before a batch counts as delivered.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "returners/returner.h"

namespace brine::returners {

struct FileReturnerOptions {
  std::string name = "file";
  std::string path;
  std::uint64_t max_bytes = 100U << 20;  // then path becomes path.1, path.1 becomes path.2, ...
  int keep = 5;                          // rotated files
};

// Makes the folder if need be; fails with a reason if the file cannot be written.
Result<std::unique_ptr<Returner>> open_file_returner(FileReturnerOptions options);

}  // namespace brine::returners
