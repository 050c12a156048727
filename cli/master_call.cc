#include "cli/master_call.h"

#include <optional>

#include "base/file.h"
#include "net/dealer_channel.h"
#include "net/handshake.h"
#include "net/key_files.h"
#include "net/session_cipher.h"
#include "net/trust.h"
#include "wire/frame.h"
#include "wire/session.h"

namespace brine::cli {
namespace {

constexpr seconds kPatience{15};

// One handshake with purpose `call`: it displaces nobody, so the minion's daemon keeps its session.
class ChannelCall final : public MasterCall {
 public:
  explicit ChannelCall(const config::MinionConfig& config)
      : config_(config), trust_(config.master_finger), channel_({config.heartbeat, config.heartbeat_timeout, config.max_message, 1'000}) {}

  Status load() {
    auto key = net::load_key(config_.pki_dir + "/minion.key");
    if (!key && key.error().code == Code::kNotFound)
      return fail(Code::kDenied, "this minion has no key yet; start brine-minion and have its key accepted, or use --local");
    if (!key) return std::unexpected(key.error());
    key_.emplace(std::move(*key));
    const auto manifest = read_file(config_.pki_dir + "/manifest");
    if (!manifest) return {};
    BRINE_LET([[maybe_unused]] const bool fresh, trust_.admit(*manifest, 0));
    return {};
  }

  Status open(const std::string& endpoint) {
    cipher_.reset();
    deadline_ = std::chrono::steady_clock::now() + kPatience;
    BRINE_TRY(channel_.open(endpoint));
    net::ClientOptions options;
    options.id = config_.id;
    options.purpose = wire::Purpose::kCall;
    options.instance = net::random_u64();
    net::ClientHandshake handshake(*key_, trust_, std::move(options));
    BRINE_TRY(wait_connected());
    BRINE_TRY(channel_.send(handshake.hello()));
    BRINE_LET(const std::string server_hello, next(wire::FrameType::kServerHello));
    BRINE_LET(const auto step, handshake.finish(server_hello, clock_.unix_now()));
    BRINE_TRY(channel_.send(step.finish_frame));
    cipher_.emplace(step.keys, net::Side::kMinion);
    BRINE_LET(const wire::SessionMessage message, next_message());
    const auto* welcome = std::get_if<wire::Welcome>(&message);
    if (welcome == nullptr) return fail(Code::kUnavailable, "the master did not welcome us");
    if (welcome->verdict != wire::Verdict::kAccepted) return fail(Code::kDenied, welcome->text);
    return {};
  }

  Result<JobId> report(const CallReport& report) override {
    deadline_ = std::chrono::steady_clock::now() + kPatience;
    wire::CallReport message{report.function, report.arguments, {}};
    message.result.retcode = report.retcode;
    message.result.success = report.retcode == 0;
    message.result.payload = report.value;
    BRINE_LET(const std::string frame, cipher_->seal(encode(wire::SessionMessage(std::move(message)))));
    BRINE_TRY(channel_.send(frame));
    BRINE_LET(const wire::SessionMessage answer, next_message());
    const auto* reply = std::get_if<wire::CallReply>(&answer);
    if (reply == nullptr) return fail(Code::kUnavailable, "the master did not answer");
    if (!reply->error.empty()) return fail(Code::kUnavailable, reply->error);
    return reply->jid;
  }

 private:
  milliseconds left() const {
    return std::max(milliseconds(0), std::chrono::duration_cast<milliseconds>(deadline_ - std::chrono::steady_clock::now()));
  }

  Status wait_connected() {
    while (left() > milliseconds(0)) {
      const auto events = channel_.poll(-1, left());
      if (events.connected) return {};
      if (events.lost) return fail(Code::kUnavailable, "no master is listening there");
    }
    return fail(Code::kTimeout, "no answer");
  }

  Result<std::string> next(wire::FrameType wanted) {
    while (left() > milliseconds(0) || !frames_.empty()) {
      if (frames_.empty()) {
        auto events = channel_.poll(-1, left());
        frames_ = std::move(events.frames);
        if (frames_.empty() && events.lost) return fail(Code::kUnavailable, "the master closed the connection");
        continue;
      }
      const std::string bytes = std::move(frames_.front());
      frames_.erase(frames_.begin());
      BRINE_LET(const wire::Frame frame, wire::parse_frame(bytes));
      if (frame.type == wire::FrameType::kRefusal) {
        BRINE_LET(const wire::Refusal refusal, wire::decode_refusal(frame.body));
        return fail(Code::kUnavailable, "the master refuses: " + refusal.text);
      }
      if (frame.type != wanted) return fail(Code::kInvalid, "the master sent something unexpected");
      return std::string(frame.body);
    }
    return fail(Code::kTimeout, "no answer");
  }

  Result<wire::SessionMessage> next_message() {
    BRINE_LET(const std::string sealed, next(wire::FrameType::kSealed));
    BRINE_LET(const std::string plain, cipher_->open(sealed));
    return wire::decode_session_message(plain);
  }

  const config::MinionConfig& config_;
  SystemClock clock_;
  net::Trust trust_;
  std::optional<net::SigningKey> key_;
  net::DealerChannel channel_;
  std::optional<net::SessionCipher> cipher_;
  std::vector<std::string> frames_;
  MonoTime deadline_{};
};

}  // namespace

Result<std::unique_ptr<MasterCall>> open_master_call(const config::MinionConfig& config) {
  auto call = std::make_unique<ChannelCall>(config);
  BRINE_TRY(call->load());
  Error last{Code::kUnavailable, "no master is configured"};
  for (const config::Address& address : config.master) {
    auto opened = call->open(address.endpoint());
    if (opened) return call;
    last = std::move(opened.error()).with(address.endpoint());
  }
  return std::unexpected(std::move(last));
}

}  // namespace brine::cli
