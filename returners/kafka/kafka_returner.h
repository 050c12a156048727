// Returns and events as messages of Apache Kafka: docs/returners.md.
#pragma once

#include <memory>

#include "base/result.h"
#include "config/returner_config.h"
#include "returners/returner.h"

namespace brine::returners {

// Waits for no broker. kInvalid: settings, with what librdkafka says of them; kDenied, kNotFound: the password file.
Result<std::unique_ptr<Returner>> open_kafka_returner(const config::KafkaReturnerConfig& config);

}  // namespace brine::returners
