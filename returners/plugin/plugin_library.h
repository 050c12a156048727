// Loading a plug-in, after a look at who could have put it there.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "returners/plugin/brine_returner.h"

namespace brine::returners {

// A loaded library; unloaded with the last that holds it.
class PluginLibrary {
 public:
  // Errors as those of open_plugin_returner().
  static Result<PluginLibrary> load(const std::string& path);

  const brine_returner_plugin& table() const { return *table_; }
  const std::string& path() const { return path_; }

 private:
  PluginLibrary(std::shared_ptr<void> library, const brine_returner_plugin* table, std::string path);

  std::shared_ptr<void> library_;
  const brine_returner_plugin* table_;
  std::string path_;
};

}  // namespace brine::returners
