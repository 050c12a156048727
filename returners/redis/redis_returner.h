// Returns and events as entries of two Redis streams; docs/returners.md says which fields they have.
#pragma once

#include <memory>

#include "base/result.h"
#include "config/returner_config.h"
#include "returners/returner.h"

namespace brine::returners {

// Does not connect yet. kInvalid: the url, or a stream that would be one of brine's own keys. A password file that cannot be read is an
// error as well; it is read again for every connection.
Result<std::unique_ptr<Returner>> open_redis_returner(const config::RedisReturnerConfig& config);

}  // namespace brine::returners
