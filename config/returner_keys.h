// The list under `returners` of a master.
#pragma once

#include <vector>

#include "config/returner_config.h"
#include "config/schema.h"

namespace brine::config {

// Declares the key: a list of maps {name, kind (default: the name), what all returners have, settings of the kind}. field must outlive the
// schema.
void declare_returners(Schema& schema, std::vector<ReturnerConfig>& field);

// Puts root_dir in front of the files they name, and gives each its file of dead letters.
void put_returners_below_root(const std::string& root, const std::string& cachedir, std::vector<ReturnerConfig>& returners);

}  // namespace brine::config
