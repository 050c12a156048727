// Returns that a syndic has taken and not yet been told above that they are stored: on disk, synced before write() returns.
//
// Threads: write() and reopen() are called by one thread at a time; after() and usage() by any.
// Errors: kFull: nothing was taken. kUnavailable: the disk fails; nothing of the batch may be acknowledged, and reopen() has to succeed
// before anything else. kCorrupt: what lies there is not ours, or damaged.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/records.h"

namespace brine::store {

struct SpooledReturn {
  std::uint64_t position = 0;  // rises; given by write()
  std::string chain;           // opaque: by whose word the minion was here
  ReturnRecord record;
};

struct SpoolUsage {
  std::uint64_t returns = 0;
  std::uint64_t bytes = 0;
};

class ReturnSpool {
 public:
  virtual ~ReturnSpool() = default;

  // One atomic step. Fills in the positions of those that are added; one that lies there already, of the same job and minion, keeps its
  // position and content. Erased are those that are stored above.
  virtual Status write(std::vector<SpooledReturn>& added, const std::vector<std::uint64_t>& erased) = 0;
  virtual Status reopen() = 0;

  // In order, after this position: at most max, of about max_bytes together, but at least one if there is one.
  virtual Result<std::vector<SpooledReturn>> after(std::uint64_t position, std::size_t max, std::size_t max_bytes) const = 0;
  virtual SpoolUsage usage() const = 0;
};

struct SpoolOptions {
  std::string folder;  // exists; one process at a time
  std::uint64_t max_bytes = 1ULL << 30;
};

Result<std::unique_ptr<ReturnSpool>> open_return_spool(const SpoolOptions& options);

}  // namespace brine::store
