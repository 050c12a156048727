#include "returners/kafka/producer.h"

#include <syslog.h>

#include <array>

#include "base/log.h"
#include "returners/kafka/settings.h"

namespace brine::returners::kafka {
namespace {

constexpr milliseconds kPurgePatience{1'000};

struct DestroyHeaders {
  void operator()(rd_kafka_headers_t* headers) const { rd_kafka_headers_destroy(headers); }
};
using Headers = std::unique_ptr<rd_kafka_headers_t, DestroyHeaders>;

Headers headers_of(std::span<const Header> headers) {
  Headers list(rd_kafka_headers_new(headers.size()));
  for (const auto& [name, value] : headers) rd_kafka_header_add(list.get(), name, -1, value.data(), static_cast<ssize_t>(value.size()));
  return list;
}

bool is_about_who_we_are(rd_kafka_resp_err_t error) {
  return error == RD_KAFKA_RESP_ERR__AUTHENTICATION || error == RD_KAFKA_RESP_ERR__SSL ||
         error == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED;
}

}  // namespace

Result<std::unique_ptr<Producer>> Producer::open(const config::KafkaReturnerConfig& config) {
  BRINE_LET(Conf conf, make_conf(config));
  std::unique_ptr<Producer> producer(new Producer);
  rd_kafka_conf_set_opaque(conf.get(), producer.get());
  rd_kafka_conf_set_dr_msg_cb(conf.get(), on_report);
  rd_kafka_conf_set_error_cb(conf.get(), on_error);
  rd_kafka_conf_set_log_cb(conf.get(), on_log);
  std::array<char, 512> why{};
  producer->handle_.reset(rd_kafka_new(RD_KAFKA_PRODUCER, conf.get(), why.data(), why.size()));
  if (!producer->handle_) return fail(Code::kInvalid, "settings: " + std::string(why.data()));
  static_cast<void>(conf.release());  // it belongs to the producer now
  return producer;
}

Producer::~Producer() {
  if (due_ > 0) rd_kafka_purge(handle_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
}

bool Producer::send(const Message& message, Report& report) {
  Headers headers = headers_of(message.headers);
  const rd_kafka_resp_err_t error =
      rd_kafka_producev(handle_.get(), RD_KAFKA_V_TOPIC(message.topic.c_str()), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                        RD_KAFKA_V_KEY(const_cast<char*>(message.key.data()), message.key.size()),
                        RD_KAFKA_V_VALUE(const_cast<char*>(message.value.data()), message.value.size()), RD_KAFKA_V_HEADERS(headers.get()),
                        RD_KAFKA_V_OPAQUE(&report), RD_KAFKA_V_END);
  if (error == RD_KAFKA_RESP_ERR__QUEUE_FULL) return false;
  report = {.due = error == RD_KAFKA_RESP_ERR_NO_ERROR, .error = error};
  if (!report.due) return true;
  static_cast<void>(headers.release());  // they belong to the message now
  ++due_;
  return true;
}

void Producer::serve(milliseconds within) { rd_kafka_flush(handle_.get(), static_cast<int>(within.count())); }

bool Producer::purge() {
  if (due_ == 0) return true;
  rd_kafka_purge(handle_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  serve(kPurgePatience);
  return due_ == 0;
}

bool Producer::failed() const { return rd_kafka_fatal_error(handle_.get(), nullptr, 0) != RD_KAFKA_RESP_ERR_NO_ERROR; }

std::string Producer::trouble() const {
  std::array<char, 512> why{};
  return rd_kafka_fatal_error(handle_.get(), why.data(), why.size()) == RD_KAFKA_RESP_ERR_NO_ERROR ? trouble_ : why.data();
}

void Producer::on_report(rd_kafka_t*, const rd_kafka_message_t* message, void* self) {
  Producer& producer = *static_cast<Producer*>(self);
  *static_cast<Report*>(message->_private) = {.due = false, .error = message->err};
  --producer.due_;
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  producer.trouble_.clear();
  producer.not_let_in_ = false;
}

// "All brokers are down" says less than what came before it.
void Producer::on_error(rd_kafka_t*, int error, const char* reason, void* self) {
  Producer& producer = *static_cast<Producer*>(self);
  const auto code = static_cast<rd_kafka_resp_err_t>(error);
  if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && !producer.trouble_.empty()) return;
  producer.not_let_in_ = producer.not_let_in_ || is_about_who_we_are(code);
  producer.trouble_ = reason;
}

void Producer::on_log(const rd_kafka_t*, int level, const char* facility, const char* line) {
  if (level <= LOG_WARNING) return log::warning("librdkafka: {}: {}", facility, line);
  if (level <= LOG_INFO) return log::info("librdkafka: {}: {}", facility, line);
  log::debug("librdkafka: {}: {}", facility, line);
}

}  // namespace brine::returners::kafka
