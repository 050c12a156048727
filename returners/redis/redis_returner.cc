#include "returners/redis/redis_returner.h"

#include <algorithm>
#include <optional>

#include "store/redis/connection.h"
#include "store/redis/endpoint.h"
#include "store/redis/layout.h"
#include "store/redis/server.h"

namespace brine::returners {
namespace {

namespace redis = store::redis;

constexpr milliseconds kConnectPatience{3'000};           // for each sentinel, and for the server
constexpr std::size_t kBytesAtOnce = 4U << 20;            // in the pipeline, about
constexpr std::int64_t kUsualLongestValue = 512LL << 20;  // of a Redis that does not tell its own

// Not every user may ask; who did not log in is sent away here, with a clearer word than our long commands would get.
Result<std::size_t> longest_value_of(redis::Connection& connection) {
  const auto reply = connection.ask({"CONFIG", "GET", "proto-max-bulk-len"});
  if (!reply && (!connection.alive() || reply.error().message.contains("NOAUTH"))) return std::unexpected(reply.error());
  return static_cast<std::size_t>(reply ? (*reply)[1].integer().value_or(kUsualLongestValue) : kUsualLongestValue);
}

class RedisReturner final : public Returner {
 public:
  RedisReturner(const config::RedisReturnerConfig& config, redis::Endpoint endpoint)
      : config_(config), endpoint_(std::move(endpoint)), max_length_(std::to_string(config.max_length)) {}

  Delivery deliver(std::span<const Record> records, const std::stop_token& stop) override {
    if (stop.stop_requested()) return Delivery::none({Code::kUnavailable, "stopped before it was delivered"});
    const MonoTime deadline = clock_.now() + config_.timeout;
    Delivery delivery;
    delivery.status = connect();
    if (delivery.status) delivery.status = send_all(records, deadline, stop, delivery);
    if (!delivery.status) {
      connection_.reset();  // by Sentinel, the next one may lead to another server
      delivery.status = fail(Code::kUnavailable, std::move(delivery.status.error().message));
    }
    return delivery;
  }

 private:
  Status connect() {
    if (connection_ && connection_->alive()) return {};
    BRINE_LET(const redis::Login login, redis::read_login(config_.user, config_.password_file, endpoint_.database));
    BRINE_LET(auto connection, redis::connect_server(endpoint_, login, std::min(config_.timeout, kConnectPatience)));
    BRINE_LET(longest_value_, longest_value_of(connection));
    BRINE_TRY(connection.set_patience(config_.timeout));
    connection_.emplace(std::move(connection));
    return {};
  }

  Status send_all(std::span<const Record> records, MonoTime deadline, const std::stop_token& stop, Delivery& delivery) {
    const std::stop_callback interrupt(stop, [this] { connection_->interrupt(); });
    while (delivery.settled < records.size()) BRINE_TRY(send_some(records, deadline, delivery));
    return {};
  }

  // One pipeline and its replies.
  Status send_some(std::span<const Record> records, MonoTime deadline, Delivery& delivery) {
    std::size_t end = delivery.settled;
    for (std::size_t bytes = 0; end < records.size() && bytes < kBytesAtOnce; ++end) {
      if (!fits(records[end])) continue;
      add(records[end]);
      bytes += records[end].json.size();
    }
    while (delivery.settled < end) {
      const Record& record = records[delivery.settled];
      if (!fits(record)) {
        delivery.refused.push_back({delivery.settled, too_long(record)});
      } else if (auto reply = connection_->next(); !reply) {
        return fail(std::move(reply.error()), "stream '" + stream_of(record) + "'");
      }
      ++delivery.settled;
      if (delivery.settled < records.size() && clock_.now() >= deadline)
        return fail(Code::kUnavailable, "redis " + connection_->address() + " did not take the whole batch in time (timeout)");
    }
    return {};
  }

  void add(const Record& record) {
    const store::OutboxEntry& entry = record.entry;
    redis::Words words{"XADD", stream_of(record)};
    if (config_.max_length > 0) words.insert(words.end(), {"MAXLEN", "~", max_length_});
    words.emplace_back("*");
    if (entry.is_event()) {
      words.insert(words.end(), {"kind", "event", "event_id", entry.event.id, "tag", entry.event.tag, "json", record.json});
      return connection_->add(words);
    }
    const std::string jid = entry.value.jid.str();
    const std::string retcode = std::to_string(entry.value.retcode);
    words.insert(words.end(), {"kind", "return", "jid", jid, "id", entry.value.minion.str(), "fun", entry.function, "retcode", retcode,
                               "success", entry.value.success ? "true" : "false", "json", record.json});
    connection_->add(words);
  }

  const std::string& stream_of(const Record& record) const { return record.entry.is_event() ? config_.event_stream : config_.stream; }
  bool fits(const Record& record) const { return record.json.size() <= longest_value_; }
  std::string too_long(const Record& record) const {
    return std::to_string(record.json.size()) + " bytes; redis " + connection_->address() + " takes values of up to " +
           std::to_string(longest_value_) + " (proto-max-bulk-len)";
  }

  const config::RedisReturnerConfig config_;
  const redis::Endpoint endpoint_;
  const std::string max_length_;
  const SystemClock clock_;
  std::optional<redis::Connection> connection_;
  std::size_t longest_value_ = 0;
};

Status check_stream(std::string_view name) {
  if (!name.starts_with(redis::kKeyPrefix)) return {};
  return fail(Code::kInvalid, "stream '" + std::string(name) + "': what begins with '" + std::string(redis::kKeyPrefix) +
                                  "' are brine's own keys: choose another name");
}

}  // namespace

Result<std::unique_ptr<Returner>> open_redis_returner(const config::RedisReturnerConfig& config) {
  BRINE_TRY(check_stream(config.stream));
  BRINE_TRY(check_stream(config.event_stream));
  BRINE_LET(redis::Endpoint endpoint, redis::parse_endpoint(config.url));
  if (auto login = redis::read_login(config.user, config.password_file, endpoint.database); !login)
    return fail(std::move(login.error()), "password_file");
  return std::make_unique<RedisReturner>(config, std::move(endpoint));
}

}  // namespace brine::returners
