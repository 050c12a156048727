// A master's own copy of all keys, beside the shared store: what an emptied or exchanged store is filled from (brine-run cluster.restore,
// brine-master --restore-store). The records are signed, so the file has no authority of its own.
//
// One file, JSON lines, replaced as a whole and synced. Used by the main thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/records.h"

namespace brine::master {

struct KeyCopy {
  std::uint64_t epoch = 0;  // of the store that they were in
  std::vector<store::KeyRecord> keys;
};

Status write_key_copy(const std::string& file, const KeyCopy& copy);
// kNotFound: there is none. kCorrupt: it is not one.
Result<KeyCopy> read_key_copy(const std::string& file);

}  // namespace brine::master
