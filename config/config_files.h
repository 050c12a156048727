// Which files make up a configuration, and reading them all.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "config/schema.h"

namespace brine::config {

// <dir>/<name>, if it is there, then <dir>/<name>.d/*.conf in the order of their names. kNotFound when dir is no folder.
Result<std::vector<std::string>> config_files(const std::string& dir, const std::string& name);

// Reads them in that order into the schema's fields. What is wrong with their content goes to problems; fails only when there is no
// folder. A file that cannot be read is a problem too.
Status read_config(const std::string& dir, const std::string& name, Schema& schema, Problems& problems);

// path below root_dir, as Salt does it: one that is below already, or empty, is left alone.
std::string below_root(const std::string& root_dir, const std::string& path);

// The name of this machine, as gethostname(2) gives it.
std::string host_name();

}  // namespace brine::config
