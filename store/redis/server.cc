#include "store/redis/server.h"

#include <algorithm>
#include <charconv>
#include <map>

namespace brine::store::redis {
namespace {

constexpr int kOldestMajor = 6;
constexpr int kOldestMinor = 2;

using Info = std::map<std::string, std::string, std::less<>>;

Info parse_info(std::string_view text) {
  Info info;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find("\r\n"), text.size());
    const std::string_view line = text.substr(0, end);
    if (const std::size_t colon = line.find(':'); colon != std::string_view::npos)
      info.emplace(line.substr(0, colon), line.substr(colon + 1));
    text.remove_prefix(std::min(end + 2, text.size()));
  }
  return info;
}

std::int64_t number(const Info& info, std::string_view name) {
  const auto found = info.find(name);
  std::int64_t value = 0;
  if (found != info.end()) std::from_chars(found->second.data(), found->second.data() + found->second.size(), value);
  return value;
}

std::string text(const Info& info, std::string_view name) {
  const auto found = info.find(name);
  return found == info.end() ? "" : found->second;
}

bool new_enough(const std::string& version) {
  int major = 0, minor = 0;
  const char* end = version.data() + version.size();
  const auto [dot, error] = std::from_chars(version.data(), end, major);
  if (error == std::errc() && dot != end) std::from_chars(dot + 1, end, minor);
  return major > kOldestMajor || (major == kOldestMajor && minor >= kOldestMinor);
}

// Asks the sentinels one after the other; the first that knows decides.
Result<Address> ask_sentinels(const Endpoint& endpoint, milliseconds patience) {
  std::string trouble;
  for (const Address& sentinel : endpoint.servers) {
    auto connection = Connection::open(sentinel, {}, patience);
    if (connection) {
      auto reply = connection->ask({"SENTINEL", "GET-MASTER-ADDR-BY-NAME", endpoint.master_name});
      if (reply && reply->view().size() == 2)
        return Address{.host = (*reply)[0].string(), .port = static_cast<std::uint16_t>((*reply)[1].integer().value_or(0))};
      trouble = reply ? "sentinel " + sentinel.text() + " does not know '" + endpoint.master_name + "'" : reply.error().message;
    } else {
      trouble = connection.error().message;
    }
  }
  return fail(Code::kUnavailable, "no sentinel tells where " + endpoint.text() + " is: " + trouble);
}

Result<int> known_replicas(const Info& info, const Endpoint& endpoint, milliseconds patience) {
  auto replicas = static_cast<int>(number(info, "connected_slaves"));
  if (!endpoint.by_sentinel()) return replicas;
  for (const Address& sentinel : endpoint.servers) {
    auto connection = Connection::open(sentinel, {}, patience);
    if (!connection) continue;
    auto reply = connection->ask({"SENTINEL", "REPLICAS", endpoint.master_name});
    if (reply) return std::max(replicas, static_cast<int>(reply->view().size()));
  }
  return replicas;
}

Status check_sync(Connection& connection, const Info& info) {
  BRINE_LET(const Reply reply, connection.ask({"CONFIG", "GET", "appendfsync"}));
  if (number(info, "aof_enabled") == 1 && reply[1].text() == "always") return {};
  return fail(Code::kUnsupported, "redis " + connection.address() +
                                      " does not sync before it answers, which state.durability: synced asks for: set appendonly yes and "
                                      "appendfsync always there, or choose async or replicated");
}

}  // namespace

// What sentinels tell may be a moment old: the server is asked as well (https://redis.io/docs/reference/sentinel-clients/).
Result<Connection> connect_server(const Endpoint& endpoint, const Login& login, milliseconds patience) {
  if (!endpoint.by_sentinel()) return Connection::open(endpoint.servers.front(), login, patience);
  BRINE_LET(const Address address, ask_sentinels(endpoint, patience));
  BRINE_LET(Connection connection, Connection::open(address, login, patience));
  BRINE_LET(const Reply reply, connection.ask({"INFO", "replication"}));
  if (text(parse_info(reply.view().text()), "role") == "master") return connection;
  return fail(Code::kUnavailable, "redis " + connection.address() + " is a replica: it takes no changes");
}

Result<std::string> history_of(Connection& connection) {
  BRINE_LET(const Reply reply, connection.ask({"INFO", "replication"}));
  return text(parse_info(reply.view().text()), "master_replid");
}

Result<ServerFacts> judge_server(Connection& connection, const Endpoint& endpoint, RedisDurability durability, milliseconds patience) {
  BRINE_LET(const Reply reply, connection.ask({"INFO"}));
  const Info info = parse_info(reply.view().text());
  const std::string name = "redis " + connection.address();
  const std::string version = text(info, "redis_version");
  if (!new_enough(version)) return fail(Code::kUnsupported, name + " has version " + version + "; 6.2 or newer is needed");
  if (text(info, "role") != "master") return fail(Code::kUnavailable, name + " is a replica: it takes no changes");
  if (number(info, "maxmemory") > 0 && text(info, "maxmemory_policy") != "noeviction")
    return fail(Code::kUnsupported, name + " may throw keys away when it is full (maxmemory-policy " + text(info, "maxmemory_policy") +
                                        "): set maxmemory-policy noeviction there");
  if (durability == RedisDurability::kSynced) BRINE_TRY(check_sync(connection, info));
  ServerFacts facts;
  facts.persistent = number(info, "aof_enabled") == 1 || number(info, "rdb_last_save_time") > 0;
  BRINE_LET(facts.replicas, known_replicas(info, endpoint, patience));
  return facts;
}

}  // namespace brine::store::redis
