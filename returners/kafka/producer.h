// One producer of librdkafka: idempotent, waiting for all replicas in sync. Confined to one thread; the library's own threads only write to
// the log.
#pragma once

#include <librdkafka/rdkafka.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "config/returner_config.h"

namespace brine::returners::kafka {

struct Header {
  const char* name;
  std::string_view value;
};

struct Message {
  const std::string& topic;
  std::string_view key;
  std::string_view value;
  std::span<const Header> headers;
};

// What has become of a message.
struct Report {
  bool due = false;  // it was sent, and nothing is known yet
  rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
};

class Producer {
 public:
  // Waits for no broker. Errors as make_conf(), and kInvalid with librdkafka's text when settings do not go together.
  static Result<std::unique_ptr<Producer>> open(const config::KafkaReturnerConfig& config);
  // Whatever is still due is never reported.
  ~Producer();
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  // Queues it; bytes are copied. False when the queue is full. Otherwise report is due until serve() or purge() has filled it in, or holds
  // the reason why it was not taken. report must outlive that.
  bool send(const Message& message, Report& report);
  // Sends what is queued without delay and takes reports, for so long or until none is due.
  void serve(milliseconds within);
  std::size_t due() const { return due_; }
  // Gives up whatever is due: it is reported as purged, and is not sent any more unless it is on its way already. A later message of the
  // same partition cannot be overtaken by it: brokers refuse the former epoch. False when reports are still missing.
  bool purge();

  // It will not send again, by librdkafka's decision; trouble() says why.
  bool failed() const;
  // User or password were refused since the last acknowledgement.
  bool not_let_in() const { return not_let_in_; }
  // The last that librdkafka told about brokers since the last acknowledgement; empty: nothing.
  std::string trouble() const;

 private:
  Producer() = default;

  static void on_report(rd_kafka_t*, const rd_kafka_message_t* message, void* self);
  static void on_error(rd_kafka_t*, int error, const char* reason, void* self);
  static void on_log(const rd_kafka_t*, int level, const char* facility, const char* line);

  struct Destroy {
    void operator()(rd_kafka_t* handle) const { rd_kafka_destroy(handle); }
  };

  std::size_t due_ = 0;
  bool not_let_in_ = false;
  std::string trouble_;
  std::unique_ptr<rd_kafka_t, Destroy> handle_;
};

}  // namespace brine::returners::kafka
