#include "returners/kafka/settings.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret_file.h"
#include "config/schema.h"

namespace brine::returners::kafka {
namespace {

using Config = config::KafkaReturnerConfig;

// What `settings` may not change, and what to do instead.
struct Kept {
  std::string_view key;
  std::string_view why;
};

constexpr std::string_view kBrokers = "the brokers are named by 'brokers'";
constexpr std::string_view kTimeout = "the time for a batch is 'delivery_timeout'";
constexpr std::string_view kPromise = "a record counts as delivered when all replicas in sync have it, once";
constexpr std::array kKept{
    Kept{"bootstrap.servers", kBrokers},
    Kept{"metadata.broker.list", kBrokers},
    Kept{"message.timeout.ms", kTimeout},
    Kept{"delivery.timeout.ms", kTimeout},
    Kept{"acks", kPromise},
    Kept{"request.required.acks", kPromise},
    Kept{"enable.idempotence", kPromise},
    Kept{"enable.gapless.guarantee", kPromise},
    Kept{"transactional.id", kPromise},
};

struct Property {
  std::string name;
  std::string range;  // "none, gzip, lz4", "0 .. 1000", or empty
};

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(' ');
  return first == std::string_view::npos ? "" : text.substr(first, text.find_last_not_of(' ') - first + 1);
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in{std::string(text)};
  for (std::string part; std::getline(in, part, separator);) parts.emplace_back(trimmed(part));
  return parts;
}

// librdkafka tells its properties only as the table of its manual: name | C, P or both | range | ...
std::vector<Property> properties_of_a_producer() {
  char* text = nullptr;
  std::size_t size = 0;
  std::FILE* memory = ::open_memstream(&text, &size);
  if (memory == nullptr) return {};
  rd_kafka_conf_properties_show(memory);
  std::fclose(memory);
  std::vector<Property> properties;
  for (const std::string& line : split(std::string_view(text, size), '\n')) {
    const std::vector<std::string> columns = split(line, '|');
    if (columns.size() > 3 && (columns[1] == "*" || columns[1] == "P")) properties.push_back({columns[0], columns[2]});
  }
  std::free(text);
  return properties;
}

std::string hint_for_key(const std::string& key) {
  std::vector<std::string> names;
  for (const Property& property : properties_of_a_producer()) names.push_back(property.name);
  return config::did_you_mean(key, names);
}

std::string hint_for_value(const std::string& key, const std::string& value) {
  const auto properties = properties_of_a_producer();
  const auto property = std::ranges::find(properties, key, &Property::name);
  if (property == properties.end() || !property->range.contains(',')) return "";
  const std::string hint = config::did_you_mean(value, split(property->range, ','));
  return hint.empty() ? "; it takes " + property->range : hint;
}

Status set(rd_kafka_conf_t* conf, const std::string& key, const std::string& value) {
  std::array<char, 512> why{};
  const auto result = rd_kafka_conf_set(conf, key.c_str(), value.c_str(), why.data(), why.size());
  if (result == RD_KAFKA_CONF_OK) return {};
  std::string text = "settings: '" + key + "': " + why.data();
  while (text.ends_with('\n')) text.pop_back();
  return fail(Code::kInvalid, text + (result == RD_KAFKA_CONF_UNKNOWN ? hint_for_key(key) : hint_for_value(key, value)));
}

// Requests end well before the batch does, so that one to a broker that is gone without a word is sent anew in time.
std::string part_of(milliseconds timeout) { return std::to_string(std::clamp<std::int64_t>(timeout.count() / 3, 100, 60'000)); }

std::map<std::string, std::string> chosen(const Config& config) {
  const std::string request = part_of(config.delivery_timeout);
  return {
      {"client.id", "brine"},
      {"compression.type", "lz4"},
      {"partitioner", "murmur2_random"},  // as Java's producers: what has one key lies in partitions of one number
      {"queue.buffering.max.kbytes", "65536"},
      {"reconnect.backoff.max.ms", "2000"},
      {"socket.timeout.ms", request},
      {"request.timeout.ms", request},
      {"topic.metadata.propagation.max.ms", request},
      {"log.connection.close", "false"},
  };
}

std::map<std::string, std::string> kept(const Config& config) {
  // Nothing expires one by one, which would let later records of a key arrive before earlier ones: a batch is given up as a whole.
  return {{"bootstrap.servers", config.brokers}, {"enable.idempotence", "true"}, {"acks", "all"}, {"message.timeout.ms", "0"}};
}

Status judge(const Config& config) {
  for (const auto& [key, why] : kKept) {
    if (config.settings.contains(std::string(key)))
      return fail(Code::kInvalid, "settings: '" + std::string(key) + "' cannot be set: " + std::string(why));
  }
  if (!config.password_file.empty() && config.settings.contains("sasl.password"))
    return fail(Code::kInvalid, "settings: 'sasl.password' is set, and password_file too: keep one of them");
  return {};
}

}  // namespace

Result<Conf> make_conf(const Config& config) {
  BRINE_TRY(judge(config));
  Conf conf(rd_kafka_conf_new());
  std::map<std::string, std::string> all = chosen(config);
  for (const auto& [key, value] : config.settings) all.insert_or_assign(key, value);
  all.merge(kept(config));
  for (const auto& [key, value] : all) BRINE_TRY(set(conf.get(), key, value));
  if (!config.password_file.empty()) {
    BRINE_LET(const std::string password, read_secret(config.password_file));
    BRINE_TRY(set(conf.get(), "sasl.password", password));
  }
  return conf;
}

}  // namespace brine::returners::kafka
