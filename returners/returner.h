// Where returns go after they are stored: one small interface; queueing, retry and bookkeeping are written once, in drain.h.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "store/records.h"

namespace brine::returners {

// Confined to the drain's thread. May block: nothing but its own drain waits for it.
class Returner {
 public:
  virtual ~Returner() = default;
  virtual const std::string& name() const = 0;
  // Returns when every entry is as safe as this returner promises (file: synced). kUnavailable: try the same entries again later;
  // what was delivered of them comes again (the key (jid, minion) is the same). Anything else is a fault of the entries.
  virtual Status deliver(const std::vector<store::OutboxEntry>& entries) = 0;
};

// One JSON object, the form that all returners share (docs/returners.md): {"jid", "id", "fun", "outcome", "success", "retcode",
// "return", "received", "duration_us", "late"?}.
std::string to_json(const store::OutboxEntry& entry);

}  // namespace brine::returners
