// Returns and events as rows of a PostgreSQL.
//
// A batch is one transaction (one for every 16 MiB of it), of which nobody sees a part; repeats do no harm. Rows that the server refuses
// for what is in them (SQLSTATE classes 22, 23 and 54) are found by halving, and refused alone; everything else it may say is no reason to
// lose them.
#pragma once

#include <memory>

#include "base/result.h"
#include "config/returner_config.h"
#include "returners/returner.h"

namespace brine::returners {

// kInvalid when the connection string or a table's name cannot be read. Connects with the first delivery.
Result<std::unique_ptr<Returner>> open_postgres_returner(const config::PostgresReturnerConfig& config);

}  // namespace brine::returners
