#include "store/redis/endpoint.h"

#include <charconv>
#include <optional>

namespace brine::store::redis {
namespace {

constexpr std::uint16_t kRedisPort = 6379;
constexpr std::uint16_t kSentinelPort = 26379;
constexpr const char* kForms = "; write redis://host:port/database, unix:///path or redis+sentinel://host,host,host/name";

template <typename Int>
std::optional<Int> number(std::string_view text) {
  Int value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// What is in front of the first separator; the rest stays, without it.
std::string_view take_until(std::string_view& text, char separator) {
  const std::size_t at = text.find(separator);
  const std::string_view part = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return part;
}

Result<Address> parse_address(std::string_view text, std::uint16_t default_port) {
  Address address{.port = default_port};
  if (take_prefix(text, "[")) {
    address.host = take_until(text, ']');
    if (!text.empty() && !take_prefix(text, ":")) return fail(Code::kInvalid, "there is something behind ']' that is no port");
  } else {
    address.host = take_until(text, ':');
  }
  if (!text.empty()) {
    const auto port = number<std::uint16_t>(text);
    if (!port || *port == 0) return fail(Code::kInvalid, "'" + std::string(text) + "' is no port");
    address.port = *port;
  }
  if (address.host.empty()) return fail(Code::kInvalid, "a host is missing");
  return address;
}

Result<int> parse_database(std::string_view text) {
  if (text.empty()) return 0;
  const auto database = number<int>(text);
  if (!database || *database < 0) return fail(Code::kInvalid, "'" + std::string(text) + "' is no number of a database");
  return *database;
}

Result<Endpoint> parse_tcp(std::string_view rest) {
  Endpoint endpoint;
  BRINE_LET(Address address, parse_address(take_until(rest, '/'), kRedisPort));
  endpoint.servers.push_back(std::move(address));
  BRINE_LET(endpoint.database, parse_database(rest));
  return endpoint;
}

Result<Endpoint> parse_unix(std::string_view rest) {
  Endpoint endpoint;
  Address address{.path = std::string(take_until(rest, '?'))};
  if (!address.path.starts_with('/')) return fail(Code::kInvalid, "the path of the socket has to begin with '/'");
  endpoint.servers.push_back(std::move(address));
  if (!rest.empty() && !take_prefix(rest, "database=")) return fail(Code::kInvalid, "only ?database=N may follow the path");
  BRINE_LET(endpoint.database, parse_database(rest));
  return endpoint;
}

Result<Endpoint> parse_sentinel(std::string_view rest) {
  Endpoint endpoint;
  std::string_view hosts = take_until(rest, '/');
  while (!hosts.empty()) {
    BRINE_LET(Address address, parse_address(take_until(hosts, ','), kSentinelPort));
    endpoint.servers.push_back(std::move(address));
  }
  endpoint.master_name = take_until(rest, '/');
  if (endpoint.servers.empty()) return fail(Code::kInvalid, "a host is missing");
  if (endpoint.master_name.empty()) return fail(Code::kInvalid, "the name that the sentinels know it by is missing");
  BRINE_LET(endpoint.database, parse_database(rest));
  return endpoint;
}

Result<Endpoint> parse(std::string_view url) {
  if (url.find('@') != std::string_view::npos)
    return fail(Code::kInvalid, "user and password do not belong into it: set user and password_file beside it");
  if (take_prefix(url, "redis://")) return parse_tcp(url);
  if (take_prefix(url, "unix://")) return parse_unix(url);
  if (take_prefix(url, "redis+sentinel://")) return parse_sentinel(url);
  if (url.starts_with("rediss://"))
    return fail(Code::kUnsupported, "TLS is not spoken here: put a local stunnel in between (docs/clusters.md)");
  return fail(Code::kInvalid, "this is no address of a Redis");
}

}  // namespace

std::string Address::text() const {
  if (host.empty()) return path;
  const bool ipv6 = host.find(':') != std::string::npos;
  return (ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::string Endpoint::text() const {
  std::string list;
  for (const Address& server : servers) list += (list.empty() ? "" : ",") + server.text();
  if (by_sentinel()) return "'" + master_name + "' of the sentinels " + list;
  return list;
}

Result<Endpoint> parse_endpoint(std::string_view url) {
  auto endpoint = parse(url);
  if (!endpoint) endpoint.error().message += kForms;
  return endpoint;
}

}  // namespace brine::store::redis
