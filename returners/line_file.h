// A file of lines that is appended to, synced, and rotated by size: path becomes path.1, path.1 becomes path.2, ...
//
// Rotation happens between two appends. A torn last line of an earlier life is cut off; a file that was deleted is made anew. Mode 0640,
// folders that are made 0750. Belongs to one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/result.h"

namespace brine::returners {

class LineFile {
 public:
  struct Options {
    std::string path;
    std::uint64_t max_bytes = 100U << 20;  // then it is rotated
    int keep = 5;                          // rotated files
  };

  explicit LineFile(Options options) : options_(std::move(options)) {}

  // Makes file and folders if need be. append() does so by itself.
  Status open();
  // Whole lines, each with its end. Synced when it returns; after a failure nothing of them stays.
  Status append(std::string_view lines);

 private:
  bool is_deleted() const;
  Result<std::uint64_t> cut_torn_line(int fd) const;
  Status write_synced(std::string_view lines);
  Status rotate();

  const Options options_;
  Fd fd_;
  std::uint64_t size_ = 0;
};

}  // namespace brine::returners
