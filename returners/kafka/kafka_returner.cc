#include "returners/kafka/kafka_returner.h"

#include <algorithm>
#include <array>
#include <unordered_set>

#include "base/clock.h"
#include "returners/kafka/producer.h"

namespace brine::returners {
namespace {

using config::KafkaReturnerConfig;
using kafka::Header;
using kafka::Producer;
using kafka::Report;

constexpr milliseconds kSlice{50};  // so soon a stop is noticed

// For what is in the record. Brokers judge what arrives together as one.
bool is_refusal(rd_kafka_resp_err_t error) {
  return error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE || error == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE ||
         error == RD_KAFKA_RESP_ERR_INVALID_RECORD;
}

bool was_given_up(rd_kafka_resp_err_t error) {
  return error == RD_KAFKA_RESP_ERR__PURGE_QUEUE || error == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT || error == RD_KAFKA_RESP_ERR__FATAL;
}

// Where a record of the batch has got to.
struct Sent {
  enum class Fate : std::uint8_t { kWaits, kOnTheWay, kDelivered, kRefused };
  Fate fate = Fate::kWaits;
  Report report;
};
using Fate = Sent::Fate;

bool is_settled(const Sent& sent) { return sent.fate == Fate::kDelivered || sent.fate == Fate::kRefused; }

// It was tried, and what stood against it is neither the record nor the time.
bool is_lasting(const Sent& sent) {
  const rd_kafka_resp_err_t error = sent.report.error;
  return sent.fate == Fate::kOnTheWay && error != RD_KAFKA_RESP_ERR_NO_ERROR && !was_given_up(error) && !is_refusal(error);
}

std::string refusal_of(const Record& record, rd_kafka_resp_err_t error) {
  return std::string(rd_kafka_err2str(error)) + ": " + std::to_string(record.json.size()) +
         " bytes; limits are message.max.bytes in settings and max.message.bytes of the topic";
}

// One batch on its way, until its time is over or a stop is asked for.
struct Attempt {
  std::span<const Record> records;
  std::vector<Sent> sent;
  MonoTime until;
  const std::stop_token& stop;
};

class KafkaReturner final : public Returner {
 public:
  KafkaReturner(const KafkaReturnerConfig& config, std::unique_ptr<Producer> producer) : config_(config), producer_(std::move(producer)) {}

  Delivery deliver(std::span<const Record> records, const std::stop_token& stop) override {
    if (!producer_) {
      auto opened = Producer::open(config_);
      if (!opened) return Delivery::none({Code::kUnavailable, opened.error().message});
      producer_ = std::move(*opened);
    }
    Attempt attempt{records, std::vector<Sent>(records.size()), clock_.now() + config_.delivery_timeout, stop};
    send_together(attempt);
    send_one_by_one(attempt);
    Delivery delivery = conclude(attempt);
    replace_producer_if_need_be(attempt);
    return delivery;
  }

 private:
  bool over(const Attempt& attempt) const { return attempt.stop.stop_requested() || clock_.now() >= attempt.until || producer_->failed(); }

  void send_together(Attempt& attempt) {
    for (std::size_t i = 0; i < attempt.records.size(); ++i) {
      if (ahead_.contains(attempt.records[i].json)) {
        attempt.sent[i].fate = Fate::kDelivered;
      } else if (!send(attempt, i)) {
        break;
      }
    }
    await_reports(attempt);
  }

  // A batch of the protocol is refused whole for one of its records: each of those again, alone.
  void send_one_by_one(Attempt& attempt) {
    for (std::size_t i = 0; i < attempt.sent.size() && !over(attempt); ++i) {
      Sent& sent = attempt.sent[i];
      if (is_settled(sent)) continue;
      if (!is_refusal(sent.report.error) || !send(attempt, i)) return;
      await_reports(attempt);
      if (is_refusal(sent.report.error)) sent.fate = Fate::kRefused;
      if (!is_settled(sent)) return;
    }
  }

  // False: what follows has to wait as well, or it would arrive before this one.
  bool send(Attempt& attempt, std::size_t i) {
    Sent& sent = attempt.sent[i];
    while (!over(attempt)) {
      const bool has_room = give(attempt.records[i], sent.report);
      if (!has_room && producer_->due() > 0) {
        producer_->serve(kSlice);
        continue;
      }
      if (!has_room) sent.report = {.error = RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE};  // for the queue, which is empty
      sent.fate = Fate::kOnTheWay;
      if (sent.report.due) return true;
      if (is_refusal(sent.report.error)) sent.fate = Fate::kRefused;  // by librdkafka, which judges each alone
      return sent.fate == Fate::kRefused;
    }
    return false;
  }

  bool give(const Record& record, Report& report) {
    const std::string schema = std::to_string(kSchema);
    if (record.entry.is_event()) {
      const store::EventRecord& event = record.entry.event;
      const std::array headers{Header{"schema", schema}, Header{"kind", "event"}, Header{"event_id", event.id}, Header{"tag", event.tag},
                               Header{"master", record.master}};
      return producer_->send({config_.event_topic, event.tag, record.json, headers}, report);
    }
    const store::ReturnRecord& value = record.entry.value;
    const std::string jid = value.jid.str(), retcode = std::to_string(value.retcode);
    const std::array headers{Header{"schema", schema},   Header{"kind", "return"},
                             Header{"jid", jid},         Header{"fun", record.entry.function},
                             Header{"retcode", retcode}, Header{"master", record.master}};
    return producer_->send({config_.topic, value.minion.str(), record.json, headers}, report);
  }

  // Afterwards nothing of the batch is under way: what had no report in time is given up.
  void await_reports(Attempt& attempt) {
    while (producer_->due() > 0 && !over(attempt)) producer_->serve(kSlice);
    incomplete_ = incomplete_ || !producer_->purge();
    for (Sent& sent : attempt.sent) {
      if (sent.fate == Fate::kOnTheWay && !sent.report.due && sent.report.error == RD_KAFKA_RESP_ERR_NO_ERROR) sent.fate = Fate::kDelivered;
    }
  }

  Delivery conclude(const Attempt& attempt) {
    const auto first_left = std::ranges::find_if_not(attempt.sent, is_settled);
    Delivery delivery{.settled = static_cast<std::size_t>(first_left - attempt.sent.begin())};
    for (std::size_t i = 0; i < delivery.settled; ++i) {
      if (attempt.sent[i].fate == Fate::kRefused)
        delivery.refused.push_back({i, refusal_of(attempt.records[i], attempt.sent[i].report.error)});
    }
    ahead_.clear();
    for (std::size_t i = delivery.settled; i < attempt.sent.size(); ++i) {
      if (attempt.sent[i].fate == Fate::kDelivered) ahead_.insert(attempt.records[i].json);
    }
    if (first_left != attempt.sent.end()) delivery.status = fail(Code::kUnavailable, why(attempt, delivery.settled));
    return delivery;
  }

  std::string why(const Attempt& attempt, std::size_t first) const {
    const Report& report = attempt.sent[first].report;
    const std::string& topic = attempt.records[first].entry.is_event() ? config_.event_topic : config_.topic;
    if (is_lasting(attempt.sent[first])) return "topic '" + topic + "': " + rd_kafka_err2str(report.error) + advice(report.error);
    if (attempt.stop.stop_requested()) return "stopped before " + config_.brokers + " had acknowledged all";
    const std::string trouble = producer_->trouble();
    std::string text = "no acknowledgement from " + config_.brokers;
    if (!producer_->failed()) text += " within " + std::to_string(config_.delivery_timeout.count()) + " ms";
    if (!trouble.empty()) text += ": " + trouble;
    if (producer_->not_let_in()) text += "; look at security.protocol, sasl.* and ssl.* in settings, and at password_file";
    return text;
  }

  static std::string advice(rd_kafka_resp_err_t error) {
    switch (error) {
      case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED: return ": give brine's user the right to write and describe it";
      case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED: return ": give brine's user the right of an idempotent write";
      case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
      case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART: return ": create it, the brokers do not";
      default: return "";
    }
  }

  // librdkafka remembers for minutes that a topic is denied or unknown, and for good that it has failed.
  void replace_producer_if_need_be(const Attempt& attempt) {
    if (incomplete_ || producer_->failed() || producer_->not_let_in() || std::ranges::any_of(attempt.sent, is_lasting)) {
      producer_.reset();
      incomplete_ = false;
    }
  }

  const KafkaReturnerConfig config_;
  const SystemClock clock_;
  std::unique_ptr<Producer> producer_;     // null: the next delivery opens one
  std::unordered_set<std::string> ahead_;  // delivered although an earlier record of its batch was not: comes again and is not sent again
  bool incomplete_ = false;                // reports are missing even after a purge
};

}  // namespace

Result<std::unique_ptr<Returner>> open_kafka_returner(const KafkaReturnerConfig& config) {
  BRINE_LET(auto producer, Producer::open(config));
  return std::make_unique<KafkaReturner>(config, std::move(producer));
}

}  // namespace brine::returners
