// How librdkafka is configured: what brine has chosen, then the settings of the file on top, as librdkafka names them.
#pragma once

#include <librdkafka/rdkafka.h>

#include <memory>

#include "base/result.h"
#include "config/returner_config.h"

namespace brine::returners::kafka {

struct DestroyConf {
  void operator()(rd_kafka_conf_t* conf) const { rd_kafka_conf_destroy(conf); }
};
using Conf = std::unique_ptr<rd_kafka_conf_t, DestroyConf>;

// Reads password_file each time, so that a password that was exchanged is taken without a restart. kInvalid: a setting that librdkafka does
// not know or whose value it does not take, in its words and with the nearest that it would; or one that brine's promise depends on.
// kDenied, kNotFound: the password file.
Result<Conf> make_conf(const config::KafkaReturnerConfig& config);

}  // namespace brine::returners::kafka
