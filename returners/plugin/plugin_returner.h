// Returns and events handed to a shared library outside of brine; brine_returner.h is its side.
#pragma once

#include <memory>

#include "base/result.h"
#include "config/returner_config.h"
#include "returners/returner.h"

namespace brine::returners {

// Loads the library and opens it with its settings. kNotFound: there is no such file; kDenied: others than root and this user could change
// it; kUnsupported: it is no plug-in, or of another version; kInvalid: the path is not absolute, or it does not like its settings.
Result<std::unique_ptr<Returner>> open_plugin_returner(const config::PluginReturnerConfig& config);

}  // namespace brine::returners
