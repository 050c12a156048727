#include "returners/webhook/webhook_returner.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/bytes.h"
#include "base/secret_file.h"
#include "net/crypto.h"
#include "returners/webhook/http_post.h"

namespace brine::returners {
namespace {

constexpr std::size_t kMostAtOnce = 100'000;
constexpr std::size_t kBytesAtOnce = 16U << 20;  // of a body, unless one record is larger
constexpr seconds kLongestWait{300};             // that we let ourselves be told by Retry-After

enum class Verdict : std::uint8_t { kTaken, kNeverTaken, kNotNow };

Verdict verdict_of(long status) {
  if (status >= 200 && status < 300) return Verdict::kTaken;
  return status == 400 || status == 413 || status == 422 ? Verdict::kNeverTaken : Verdict::kNotNow;
}

std::string text_of(const HttpAnswer& answer) {
  std::string text = "answers " + std::to_string(answer.status);
  if (!answer.redirect.empty())
    return text + ", a redirect to " + answer.redirect + ": these are not followed, put the address that answers into url";
  if (answer.status == 401 || answer.status == 403) text += " (look at headers and secret_file)";
  if (!answer.first_line.empty()) text += ": " + answer.first_line;
  return text;
}

class WebhookReturner final : public Returner {
 public:
  WebhookReturner(const config::WebhookReturnerConfig& config, HttpPost http) : config_(config), http_(std::move(http)) {}

  Delivery deliver(std::span<const Record> records, const std::stop_token& stop) override {
    if (const auto wait = not_before_ - clock_.now(); wait > MonoTime::duration::zero())
      return Delivery::none({Code::kUnavailable, http_.name() + " asked to be left alone for another " +
                                                     std::to_string(std::chrono::ceil<seconds>(wait).count()) + " s (Retry-After)"});
    const MonoTime deadline = clock_.now() + config_.timeout;
    Delivery delivery;
    while (delivery.status && delivery.settled < records.size()) delivery.status = send_next(records, deadline, stop, delivery);
    return delivery;
  }

 private:
  Status send_next(std::span<const Record> records, MonoTime deadline, const std::stop_token& stop, Delivery& delivery) {
    const auto patience = std::chrono::floor<milliseconds>(deadline - clock_.now());
    if (patience <= milliseconds(0)) return fail(Code::kUnavailable, http_.name() + " did not take the whole batch in time (timeout)");
    const auto some = records.subspan(delivery.settled, how_many(records.subspan(delivery.settled)));
    const std::string body = body_of(some);
    BRINE_LET(const auto headers, headers_for(body));
    BRINE_LET(const HttpAnswer answer, http_.post(body, headers, patience, stop));
    return judge(answer, some.size(), delivery);
  }

  // Fewer and fewer while something among them is not taken, until it is alone; then more again.
  Status judge(const HttpAnswer& answer, std::size_t sent, Delivery& delivery) {
    switch (verdict_of(answer.status)) {
      case Verdict::kTaken:
        delivery.settled += sent;
        at_once_ = std::min(at_once_ * 2, kMostAtOnce);
        return {};
      case Verdict::kNeverTaken:
        at_once_ = std::max<std::size_t>(sent / 2, 1);
        if (sent == 1) delivery.refused.push_back({delivery.settled++, http_.name() + " " + text_of(answer)});
        return {};
      case Verdict::kNotNow: break;
    }
    if (answer.status == 429 || answer.status == 503) not_before_ = clock_.now() + std::min(answer.retry_after, kLongestWait);
    return fail(Code::kUnavailable, http_.name() + " " + text_of(answer));
  }

  std::size_t how_many(std::span<const Record> records) const {
    std::size_t count = 0;
    for (std::size_t bytes = 0; count < std::min(records.size(), at_once_); ++count) {
      bytes += records[count].json.size();
      if (bytes > kBytesAtOnce && count > 0) break;
    }
    return count;
  }

  static std::string body_of(std::span<const Record> records) {
    std::string body = "[";
    for (const Record& record : records) body.append(record.json).push_back(',');
    body.back() = ']';
    return body;
  }

  Result<std::vector<std::string>> headers_for(std::string_view body) const {
    const std::string timestamp = std::to_string(clock_.unix_now() / 1'000'000);
    std::vector<std::string> headers{"Content-Type: application/json", "Expect:", "X-Brine-Timestamp: " + timestamp,
                                     "X-Brine-Delivery: " + to_hex(net::random_bytes(16))};
    if (!config_.secret_file.empty()) {
      BRINE_LET(std::string key, read_secret(config_.secret_file));
      headers.push_back("X-Brine-Signature: sha256=" + to_hex(net::hmac_sha256(key, (timestamp + ".").append(body))));
      net::wipe(key);
    }
    for (const auto& [name, value] : config_.headers) headers.push_back(name + (value.empty() ? ";" : ": " + value));
    return headers;
  }

  const config::WebhookReturnerConfig config_;
  const SystemClock clock_;
  HttpPost http_;
  std::size_t at_once_ = kMostAtOnce;  // records in a request
  MonoTime not_before_{};
};

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

// RFC 9110, 5.6.2.
bool is_token(std::string_view name) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return !name.empty() &&
         std::ranges::all_of(name, [&](unsigned char c) { return std::isalnum(c) != 0 || kOthers.contains(static_cast<char>(c)); });
}

Status check_header(const std::string& name, std::string_view value) {
  constexpr std::array<std::string_view, 4> kOurs{"Content-Type", "Content-Length", "Transfer-Encoding", "Expect"};
  if (!is_token(name)) return fail(Code::kInvalid, "headers: '" + name + "' is no name of a header");
  if (std::ranges::any_of(kOurs, [&](std::string_view ours) { return same_name(ours, name); }) || same_name(name.substr(0, 8), "X-Brine-"))
    return fail(Code::kInvalid, "headers: " + name + " is set by brine itself");
  if (std::ranges::any_of(value, [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
    return fail(Code::kInvalid, "headers: the value of " + name + " has a line break or another control character in it");
  return {};
}

}  // namespace

Result<std::unique_ptr<Returner>> open_webhook_returner(const config::WebhookReturnerConfig& config) {
  for (const auto& [name, value] : config.headers) BRINE_TRY(check_header(name, value));
  if (!config.secret_file.empty()) {
    if (auto secret = read_secret(config.secret_file); !secret) return fail(std::move(secret.error()), "secret_file");
  }
  BRINE_LET(HttpPost http, HttpPost::open(config.url, config.ca_file));
  return std::make_unique<WebhookReturner>(config, std::move(http));
}

}  // namespace brine::returners
