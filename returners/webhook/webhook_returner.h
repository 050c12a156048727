// Returns and events as POST requests, each with a JSON array of them, signed if there is a key. docs/returners.md has the headers.
#pragma once

#include <memory>

#include "base/result.h"
#include "config/returner_config.h"
#include "returners/returner.h"

namespace brine::returners {

// Does not connect yet. kInvalid: the url, or a header that cannot be sent. A secret_file or ca_file that cannot be read is an error as
// well; the former is read again for every batch.
Result<std::unique_ptr<Returner>> open_webhook_returner(const config::WebhookReturnerConfig& config);

}  // namespace brine::returners
