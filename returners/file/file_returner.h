// Returns and events as JSON lines in a file, rotated by size, synced before a batch counts as delivered.
#pragma once

#include <memory>

#include "base/result.h"
#include "config/returner_config.h"
#include "returners/returner.h"

namespace brine::returners {

// Makes the folder if need be; fails with a reason if the file cannot be written.
Result<std::unique_ptr<Returner>> open_file_returner(const config::FileReturnerConfig& config);

}  // namespace brine::returners
