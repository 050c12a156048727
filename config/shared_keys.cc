#include "config/shared_keys.h"

namespace brine::config {

void declare_metrics(Schema& schema, MetricsConfig& field) {
  Schema& metrics = schema.section("metrics", "The HTTP server for /metrics, /healthz and /readyz.");
  metrics.simple({"listen", "an address as host:port", "none", "Where it listens; port 0 means any free one."},
                 [&field](const YamlNode& node) {
                   if (node.kind == YamlNode::Kind::kNull) {
                     field.listen.reset();
                     return true;
                   }
                   const auto address = node.kind == YamlNode::Kind::kScalar ? parse_address(node.text) : std::nullopt;
                   const bool has_port = address && !node.text.ends_with(address->host) && !node.text.ends_with(']');
                   if (!has_port || address->is_ipc()) return false;
                   field.listen = address;
                   return true;
                 });
}

void declare_log_level(Schema& schema, log::Level& field) {
  using log::Level;
  schema.choice<Level>("log_level", field,
                       {{"quiet", Level::kQuiet},
                        {"critical", Level::kError},
                        {"error", Level::kError},
                        {"warning", Level::kWarning},
                        {"info", Level::kInfo},
                        {"debug", Level::kDebug},
                        {"profile", Level::kDebug},
                        {"trace", Level::kDebug},
                        {"garbage", Level::kDebug},
                        {"all", Level::kDebug}},
                       "What is logged.");
}

}  // namespace brine::config
