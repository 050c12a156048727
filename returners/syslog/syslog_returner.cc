#include "returners/syslog/syslog_returner.h"

#include "config/syslog_address.h"
#include "returners/syslog/channel.h"
#include "returners/syslog/message.h"

namespace brine::returners {
namespace {

constexpr std::size_t kWindow = 1U << 20;  // bytes; and one message more

class SyslogReturner final : public Returner {
 public:
  SyslogReturner(const config::SyslogReturnerConfig& config, config::SyslogAddress address)
      : config_(config), address_(std::move(address)), style_{config.facility, config.app_name} {}

  Delivery deliver(std::span<const Record> records, const std::stop_token& stop) override {
    const MonoTime deadline = std::chrono::steady_clock::now() + config_.timeout;
    Delivery delivery;
    while (delivery.settled < records.size() && delivery.status) {
      if (auto connected = connect(deadline, stop); !connected)
        delivery.status = unavailable(connected.error());
      else
        deliver_window(records, delivery, deadline, stop);
    }
    return delivery;
  }

 private:
  Status connect(MonoTime deadline, const std::stop_token& stop) {
    if (channel_ && channel_->is_open()) return {};
    BRINE_LET(channel_, open_channel(address_, config_.max_message, deadline, stop));
    return {};
  }

  void deliver_window(std::span<const Record> records, Delivery& delivery, MonoTime deadline, const std::stop_token& stop) {
    std::size_t too_long = 0;
    const auto messages = next_window(records.subspan(delivery.settled), too_long);
    if (messages.empty()) return refuse(delivery, too_long, "max_message is " + std::to_string(config_.max_message));
    Sent sent = channel_->send(messages, deadline, stop);
    delivery.settled += sent.confirmed;
    if (!sent.status) {
      channel_ = nullptr;
      delivery.status = unavailable(sent.status.error());
    } else if (sent.too_long) {
      refuse(delivery, messages[sent.confirmed].size(), "that is more than a datagram to " + config_.address + " can carry");
    }
  }

  // Ends before a message that is too long; empty when the first one is, whose size is in too_long then.
  std::vector<std::string> next_window(std::span<const Record> records, std::size_t& too_long) const {
    std::vector<std::string> messages;
    std::size_t bytes = 0;
    for (const Record& record : records) {
      std::string message = syslog_message(record, style_);
      too_long = message.size() > config_.max_message ? message.size() : 0;
      if (too_long != 0 || bytes > kWindow) break;
      bytes += message.size();
      messages.push_back(std::move(message));
    }
    return messages;
  }

  static void refuse(Delivery& delivery, std::size_t bytes, const std::string& why) {
    delivery.refused.push_back({delivery.settled, "its message has " + std::to_string(bytes) + " bytes: " + why});
    ++delivery.settled;
  }

  Status unavailable(const Error& error) const {
    return fail(Code::kUnavailable, "cannot send to " + config_.address + ": " + error.message);
  }

  const config::SyslogReturnerConfig config_;
  const config::SyslogAddress address_;
  const SyslogStyle style_;
  std::unique_ptr<Channel> channel_;
};

}  // namespace

Result<std::unique_ptr<Returner>> open_syslog_returner(const config::SyslogReturnerConfig& config) {
  BRINE_LET(auto address, config::parse_syslog_address(config.address));
  return std::make_unique<SyslogReturner>(config, std::move(address));
}

}  // namespace brine::returners
