// What a return has to know of its job, for the jobs used last: function and expected minions. Spares the ledger a look-up per return.
//
// Belongs to the writer's thread. Bounded in bytes; the job used longest ago goes first. Holds only jobs that are in the store.
#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <unordered_map>

#include "store/expected_set.h"
#include "store/packed_jid.h"

namespace brine::store {

struct KnownJob {
  PackedJid jid = kNoJid;
  std::string function;
  ExpectedSet expected;
};

class JobCache {
 public:
  explicit JobCache(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  // Null if it is not here. Valid until the next put(), forget() or clear().
  const KnownJob* find(PackedJid jid);
  // Replaces, makes room, and returns the new entry, which stays even if it alone is larger than the bound.
  const KnownJob* put(KnownJob job);
  void forget(PackedJid jid);
  void clear();

 private:
  static std::size_t bytes_of(const KnownJob& job);

  const std::size_t max_bytes_;
  std::size_t bytes_ = 0;
  std::list<KnownJob> jobs_;  // the one used last is in front
  std::unordered_map<PackedJid, std::list<KnownJob>::iterator> places_;
};

}  // namespace brine::store
