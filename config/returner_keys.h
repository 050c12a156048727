// The list under `returners` of a master.
#pragma once

#include <vector>

#include "config/master_config.h"
#include "config/schema.h"

namespace brine::config {

// Declares the key: a list of maps {name, kind (default: the name), settings of the kind}. Kinds that this version does not have are
// accepted with a warning. field must outlive the schema.
void declare_returners(Schema& schema, std::vector<FileReturnerConfig>& field);

}  // namespace brine::config
