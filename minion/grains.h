// What this minion says about itself.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "base/ids.h"
#include "minion/function.h"

namespace brine::minion {

struct GrainSources {
  MinionId id;
  std::string root;                  // put in front of every path that is read; empty: this machine. For tests.
  Json configured = Json::object();  // the `grains` key of the configuration
  // The content of the grains file, read again at every refresh; an object. It does not throw.
  std::function<Json()> from_file = [] { return Json::object(); };
};

// Core grains, over them the grains file, over them the configuration (Salt's order); `id` is always the minion's. Thread-safe.
class Grains {
 public:
  // Reads for the first time.
  explicit Grains(GrainSources sources);

  // As of the last refresh. Never null; the object never changes.
  std::shared_ptr<const Json> snapshot() const;
  Json items() const { return *snapshot(); }

  // Reads again; true when something has changed. Does no name look-up and starts no program.
  bool refresh();

 private:
  Json read() const;

  const GrainSources sources_;
  std::mutex refreshing_;  // one refresh at a time
  mutable std::mutex mutex_;
  std::shared_ptr<const Json> current_;  // guarded by mutex_
};

}  // namespace brine::minion
