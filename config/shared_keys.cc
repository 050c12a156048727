#include "config/shared_keys.h"

#include <algorithm>
#include <thread>

#include "base/ids.h"

namespace brine::config {
namespace {

constexpr int kSaltsWorkerThreads = 5;

}  // namespace

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

int default_worker_threads() { return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, kSaltsWorkerThreads); }

void declare_interface(Schema& schema, std::string& field) {
  schema.simple({"interface", "an IP address", field, "Address that minions connect to."}, [&field](const YamlNode& node) {
    const auto address = node.kind == YamlNode::Kind::kScalar ? parse_address(node.text) : std::nullopt;
    if (!address || address->is_ipc() || address->port != 0) return false;
    field = address->host;
    return true;
  });
}

void declare_admission(Schema& schema, AdmissionConfig& field) {
  Schema& admission = schema.section("admission", "Limits for peers that have neither a ticket nor a known key.");
  admission.number("unknown_per_source_per_second", field.unknown_per_source_per_second, 1, 1'000'000,
                   "Handshakes per second and source address.");
  admission.number("unknown_burst", field.unknown_burst, 1, 10'000'000, "Handshakes at once per source address.");
}

void declare_addresses(Schema& schema, const Schema::KeyInfo& key, std::vector<std::string>& field) {
  schema.simple(key, [&field](const YamlNode& node) {
    std::vector<std::string> texts;
    if (node.kind == YamlNode::Kind::kScalar) texts.push_back(node.text);
    for (const YamlNode& item : node.items) texts.push_back(item.kind == YamlNode::Kind::kScalar ? item.text : "");
    for (const std::string& text : texts) {
      if (!parse_address(text)) return false;
    }
    if (texts.empty()) return false;
    field = std::move(texts);
    return true;
  });
}

std::vector<Address> addresses_of(const std::vector<std::string>& texts, std::uint16_t port) {
  std::vector<Address> addresses;
  for (const std::string& text : texts) {
    Address address = parse_address(text).value_or(Address{});
    if (!address.is_ipc() && address.port == 0) address.port = port;
    addresses.push_back(std::move(address));
  }
  return addresses;
}

void check_name(const Schema& schema, std::string_view key, const std::string& value, Problems& problems) {
  if (auto id = MinionId::parse(value); !id) {
    schema.complain_at({{key}}, "'" + std::string(key) + "' cannot be '" + value + "': " + id.error().message, problems);
  }
}

}  // namespace brine::config
