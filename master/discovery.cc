#include "master/discovery.h"

#include <algorithm>
#include <charconv>
#include <future>
#include <memory>

#include "config/address.h"

namespace brine::master {
namespace {

using Json = nlohmann::json;

constexpr seconds kPatience{5};
constexpr std::size_t kMaxTargets = 64;  // of one minion
constexpr std::size_t kMaxLabels = 64;
constexpr std::size_t kMaxGrains = 32;
constexpr const char* kUsage = "usage: ?fun=NAME[&tgt=TARGET][&tgt_type=KIND][&port=N][&grains=os,role]";

Error wrong(const std::string& what) { return {Code::kInvalid, what + "; " + kUsage}; }

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_host(std::string_view host) {
  return !host.empty() &&
         std::ranges::all_of(host, [](char c) { return is_letter(c) || is_digit(c) || std::string_view(".-_:%").contains(c); });
}

bool is_loopback(std::string_view host) { return host.starts_with("127.") || host == "::1" || host == "localhost"; }

// "host:port", or nothing.
std::optional<config::Address> address_of(const Json& value, std::uint16_t port) {
  if (!value.is_string()) return std::nullopt;
  auto address = config::parse_address(value.get_ref<const std::string&>());
  if (!address || address->is_ipc() || !is_host(address->host)) return std::nullopt;
  if (address->port == 0) address->port = port;
  return address->port == 0 ? std::nullopt : address;
}

std::string text_of(const config::Address& address) {
  const bool v6 = address.host.find(':') != std::string::npos;
  return (v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

// Loopback addresses are left out of a list: whoever scrapes is not there.
Json targets_of(const Json& value, std::uint16_t port) {
  Json targets = Json::array();
  const bool list = value.is_array();
  for (std::size_t i = 0; i < (list ? std::min(value.size(), kMaxTargets) : 1); ++i) {
    const auto address = address_of(list ? value[i] : value, port);
    if (address && !(list && is_loopback(address->host))) targets.push_back(text_of(*address));
  }
  return targets;
}

bool is_label(std::string_view name) {
  if (name == "__scheme__" || name == "__metrics_path__") return true;
  return !name.empty() && !is_digit(name.front()) && !name.starts_with("__") &&
         std::ranges::all_of(name, [](char c) { return is_letter(c) || is_digit(c) || c == '_'; });
}

std::string label_of(std::string_view grain) {
  std::string label = "__meta_brine_grain_";
  for (const char c : grain) label += is_letter(c) || is_digit(c) ? c : '_';
  return label;
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t comma = std::min(text.find(',', from), text.size());
    if (comma > from) parts.emplace_back(text.substr(from, comma - from));
    from = comma + 1;
  }
  return parts;
}

Result<std::uint16_t> port_of(const std::string& text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0)
    return std::unexpected(wrong("port is a number from 1 to 65535"));
  return port;
}

metrics::PageAnswer refusal(const Error& error) {
  const bool theirs = error.code == Code::kInvalid || error.code == Code::kUnsupported || error.code == Code::kFull;
  return {.status = theirs ? 400 : 503, .body = error.message + "\n"};
}

}  // namespace

Result<DiscoveryQuery> read_discovery_query(const metrics::Query& query) {
  DiscoveryQuery read;
  read.mine = {"glob", "*", ':', "", true};
  for (const auto& [name, value] : query) {
    if (name == "fun") {
      read.mine.name = value;
    } else if (name == "tgt") {
      read.mine.target = value;
    } else if (name == "tgt_type") {
      read.mine.target_kind = value;
    } else if (name == "port") {
      BRINE_LET(read.port, port_of(value));
    } else if (name == "grains") {
      read.grains = split(value);
    } else {
      return std::unexpected(wrong("there is no parameter '" + name + "'"));
    }
  }
  if (read.mine.name.empty()) return std::unexpected(wrong("fun is missing: the name under which minions publish their address"));
  if (read.grains.size() > kMaxGrains) return std::unexpected(wrong("at most 32 grains"));
  return read;
}

std::optional<Json> target_group(const engine::Engine::Described& described, const DiscoveryQuery& query) {
  if (!described.entry.allow.empty()) return std::nullopt;
  const Json value = Json::parse(described.entry.value, nullptr, false);
  Json labels = Json::object();
  Json targets;
  if (value.is_object()) {
    targets = targets_of(value.value("targets", Json()), query.port);
    const auto given = value.find("labels");
    if (given != value.end() && given->is_object() && given->size() <= kMaxLabels) {
      for (const auto& [name, label] : given->items()) {
        if (is_label(name) && label.is_string()) labels[name] = label;
      }
    }
  } else {
    targets = targets_of(value, query.port);
  }
  if (targets.empty()) return std::nullopt;
  labels["__meta_brine_id"] = described.entry.id.str();
  labels["__meta_brine_fun"] = query.mine.name;
  for (std::size_t i = 0; i < query.grains.size() && i < described.grains.size(); ++i) {
    if (!described.grains[i].empty()) labels[label_of(query.grains[i])] = described.grains[i];
  }
  return Json{{"targets", std::move(targets)}, {"labels", std::move(labels)}};
}

metrics::PageAnswer prometheus_targets(engine::Engine& engine, const metrics::Query& query) {
  const auto read = read_discovery_query(query);
  if (!read) return refusal(read.error());
  using Found = Result<std::vector<engine::Engine::Described>>;
  auto promise = std::make_shared<std::promise<Found>>();
  auto answer = promise->get_future();
  engine.describe_mine(read->mine, read->grains, [promise](Found found) { promise->set_value(std::move(found)); });
  if (answer.wait_for(kPatience) != std::future_status::ready) return refusal({Code::kTimeout, "the master is busy"});
  const Found found = answer.get();
  if (!found) return refusal(found.error());
  Json groups = Json::array();
  for (const auto& described : *found) {
    if (!described.entry.present) continue;
    if (auto group = target_group(described, *read)) groups.push_back(std::move(*group));
  }
  return {.type = "application/json", .body = groups.dump(-1, ' ', false, Json::error_handler_t::replace)};
}

}  // namespace brine::master
