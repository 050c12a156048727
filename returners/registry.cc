#include "returners/registry.h"

#include "returners/file/file_returner.h"
#ifdef BRINE_RETURNER_KAFKA
#include "returners/kafka/kafka_returner.h"
#endif
#ifdef BRINE_RETURNER_PLUGIN
#include "returners/plugin/plugin_returner.h"
#endif
#ifdef BRINE_RETURNER_POSTGRES
#include "returners/postgres/postgres_returner.h"
#endif
#ifdef BRINE_RETURNER_REDIS
#include "returners/redis/redis_returner.h"
#endif
#ifdef BRINE_RETURNER_SYSLOG
#include "returners/syslog/syslog_returner.h"
#endif
#ifdef BRINE_RETURNER_WEBHOOK
#include "returners/webhook/webhook_returner.h"
#endif

namespace brine::returners {
namespace {

using Opened = Result<std::unique_ptr<Returner>>;

struct Open {
  Opened operator()(const config::FileReturnerConfig& config) const { return open_file_returner(config); }
#ifdef BRINE_RETURNER_REDIS
  Opened operator()(const config::RedisReturnerConfig& config) const { return open_redis_returner(config); }
#endif
#ifdef BRINE_RETURNER_KAFKA
  Opened operator()(const config::KafkaReturnerConfig& config) const { return open_kafka_returner(config); }
#endif
#ifdef BRINE_RETURNER_POSTGRES
  Opened operator()(const config::PostgresReturnerConfig& config) const { return open_postgres_returner(config); }
#endif
#ifdef BRINE_RETURNER_SYSLOG
  Opened operator()(const config::SyslogReturnerConfig& config) const { return open_syslog_returner(config); }
#endif
#ifdef BRINE_RETURNER_WEBHOOK
  Opened operator()(const config::WebhookReturnerConfig& config) const { return open_webhook_returner(config); }
#endif
#ifdef BRINE_RETURNER_PLUGIN
  Opened operator()(const config::PluginReturnerConfig& config) const { return open_plugin_returner(config); }
#endif
  template <typename Left>
  Opened operator()(const Left& config) const {
    return fail(Code::kUnsupported, "this brine was built without the kind '" + std::string(config.kKind) + "'");
  }
};

}  // namespace

Opened open_returner(const config::ReturnerConfig& config) {
  auto returner = std::visit(Open{}, config.settings);
  if (!returner) return fail(std::move(returner.error()), "returner '" + config.name + "'");
  return returner;
}

}  // namespace brine::returners
