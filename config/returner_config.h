// What a master's configuration says of its returners: what all have, and the settings of each kind.
//
// Plain values. Field names are the keys of the file. Paths are final, as in master_config.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"

namespace brine::config {

// JSON lines, rotated: path, path.1, ... path.<keep>.
struct FileReturnerConfig {
  static constexpr std::string_view kKind = "file";
  std::string path;
  std::uint64_t max_bytes = 100ULL << 20;  // then it is rotated
  int keep = 5;                            // rotated files that stay
};

// Streams of a Redis: not of the one that is the store, unless they are told to share it.
struct RedisReturnerConfig {
  static constexpr std::string_view kKind = "redis";
  std::string url;            // as state.url
  std::string user;           // empty: the default user
  std::string password_file;  // empty: no password
  std::string stream = "brine:returns";
  std::string event_stream = "brine:events";
  std::uint64_t max_length = 1'000'000;  // entries of a stream, about: the oldest go; 0: none go
  milliseconds timeout{10'000};
};

// Topics of an Apache Kafka.
struct KafkaReturnerConfig {
  static constexpr std::string_view kKind = "kafka";
  std::string brokers;  // host:port,host:port
  std::string topic = "brine-returns";
  std::string event_topic = "brine-events";
  milliseconds delivery_timeout{10'000};        // for a batch; then what is left of it is tried again
  std::string password_file;                    // holds sasl.password
  std::map<std::string, std::string> settings;  // of librdkafka, passed through: "compression.type", "security.protocol", ...
};

// Tables of a PostgreSQL.
struct PostgresReturnerConfig {
  static constexpr std::string_view kKind = "postgres";
  std::string dsn;  // of libpq: "host=db user=brine dbname=fleet", or postgresql://...; passwords belong into its passfile
  std::string table = "brine_returns";  // or schema.table, as parse_table_name() reads it
  std::string event_table = "brine_events";
  bool create_tables = false;  // if they are not there
  milliseconds timeout{10'000};
};

// Messages of RFC 5424.
struct SyslogReturnerConfig {
  static constexpr std::string_view kKind = "syslog";
  std::string address = "unix:///dev/log";  // or tcp://host:601 (RFC 6587, counted octets), udp://host:514
  std::uint8_t facility = 3;                // its code in RFC 5424: daemon
  std::string app_name = "brine";           // 1 to 48 printable ASCII characters
  std::uint64_t max_message = 65'536;       // bytes of one message; a longer return is refused, never cut
  milliseconds timeout{10'000};
};

// POST requests with a JSON array.
struct WebhookReturnerConfig {
  static constexpr std::string_view kKind = "webhook";
  std::string url;
  std::string secret_file;  // key of the HMAC in X-Brine-Signature; empty: no signature
  std::string ca_file;      // empty: that of the system
  std::map<std::string, std::string> headers;
  milliseconds timeout{10'000};
};

// A shared library outside of brine (returners/plugin/brine_returner.h).
struct PluginReturnerConfig {
  static constexpr std::string_view kKind = "plugin";
  std::string library;          // absolute path
  std::string settings = "{}";  // JSON object, handed to it as it is
};

using ReturnerSettings = std::variant<FileReturnerConfig, RedisReturnerConfig, KafkaReturnerConfig, PostgresReturnerConfig,
                                      SyslogReturnerConfig, WebhookReturnerConfig, PluginReturnerConfig>;

// Which returns go to a returner: those that match one pattern of each list that is not empty. Events are chosen by event_return.
struct ReturnerFilter {
  std::vector<std::string> functions;  // globs, "pkg.*"; a late return, whose function is not known any more, passes
  std::vector<std::string> minions;    // globs of ids
  std::vector<std::string> outcomes;   // "success", "failure", or one of returned, interrupted, refused, no_match, unknown
};

struct ReturnerConfig {
  std::string name;  // names it in metrics, runners and in the store, where its position is kept
  ReturnerSettings settings;
  ReturnerFilter only;
  ReturnerFilter except;        // what matches one of its patterns does not go
  std::uint64_t batch = 1'000;  // records handed over at once, at most
  std::string dead_letters;     // file for what the backend refuses for good; default: <cachedir>/dead_letters/<name>.jsonl
};

inline std::string_view kind_of(const ReturnerConfig& config) {
  return std::visit([](const auto& settings) { return settings.kKind; }, config.settings);
}

}  // namespace brine::config
