#include "returners/webhook/webhook_returner.h"

#include <gmock/gmock.h>
#include <httplib.h>
#include <signal.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <future>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

#include "base/file.h"
#include "tests/unit/returners/contract.h"
#include "tests/unit/returners/http_receiver.h"
#include "tests/unit/returners/outbox_entries.h"
#include "tests/unit/store/scratch_folder.h"

namespace brine::returners {
namespace {

using httplib::Request;
using httplib::Response;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::unique_ptr<Returner> returner_of(const config::WebhookReturnerConfig& config) {
  auto returner = open_webhook_returner(config);
  if (!returner) throw std::runtime_error(returner.error().message);
  return std::move(*returner);
}

std::string why_not_opened(const config::WebhookReturnerConfig& config) {
  const auto returner = open_webhook_returner(config);
  return returner ? "it opens" : std::string(to_string(returner.error().code)) + ": " + returner.error().message;
}

std::string trouble_of(Returner& returner) {
  const Delivery delivery = returner.deliver(records_from_to(1, 2), {});
  EXPECT_EQ(delivery.settled, 0u);
  EXPECT_TRUE(delivery.refused.empty());
  if (delivery.status) return "it was delivered";
  EXPECT_EQ(delivery.status.error().code, Code::kUnavailable);
  return delivery.status.error().message;
}

HttpReceiver::Answer always(int status, std::string body = "", std::string content_type = "text/plain") {
  return [=](const Request&, Response& response) {
    response.status = status;
    response.set_content(body, content_type);
  };
}

// One word of what a program prints, the last one.
std::string last_word_of(const std::string& command) {
  FILE* const pipe = ::popen(command.c_str(), "r");
  std::string said;
  std::array<char, 256> buffer;
  while (std::fgets(buffer.data(), buffer.size(), pipe) != nullptr) said += buffer.data();
  EXPECT_EQ(::pclose(pipe), 0) << command;
  while (said.ends_with('\n')) said.pop_back();
  return said.substr(said.find_last_of(' ') + 1);
}

// As a daemon, and without the proxies of whoever runs the test.
void prepare_process() {
  ::signal(SIGPIPE, SIG_IGN);
  for (const char* proxy : {"http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY"}) ::unsetenv(proxy);
}

class WebhookReturner : public testing::Test {
 protected:
  WebhookReturner() { prepare_process(); }

  // A certificate that signs itself, for this name; returns its path, and the key lies beside it in .key.
  std::string certificate(const std::string& file, const std::string& name) {
    last_word_of("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test -addext subjectAltName=" +
                 name + " -out " + (folder / file) + " -keyout " + (folder / file) + ".key 2>/dev/null");
    return folder / file;
  }

  store::ScratchFolder folder;
};

TEST_F(WebhookReturner, BatchIsOneRequestWithAnArray) {
  const HttpReceiver receiver;
  const auto records = records_from_to(1, 3);
  ASSERT_TRUE(returner_of({.url = receiver.url(), .headers = {{"X-Extra", "a, b"}}})->deliver(records, {}).status);
  const auto requests = receiver.requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].body, "[" + records[0].json + "," + records[1].json + "," + records[2].json + "]");
  EXPECT_EQ(requests[0].content_type, "application/json");
  EXPECT_EQ(requests[0].extra, "a, b");
  EXPECT_EQ(requests[0].delivery.size(), 32u);
  EXPECT_THAT(requests[0].signature, IsEmpty());
}

TEST_F(WebhookReturner, ConnectionIsKept) {
  const HttpReceiver receiver;
  const auto returner = returner_of({.url = receiver.url()});
  ASSERT_TRUE(returner->deliver(records_from_to(1, 3), {}).status);
  ASSERT_TRUE(returner->deliver(records_from_to(4, 4), {}).status);
  const auto requests = receiver.requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].from, requests[1].from);
  EXPECT_NE(requests[0].delivery, requests[1].delivery);
}

TEST_F(WebhookReturner, SignatureIsWhatOpensslComputesOverTimestampAndBody) {
  const HttpReceiver receiver;
  ASSERT_TRUE(create_file(folder / "secret", "s3cret key\r\n", 0600));
  ASSERT_TRUE(returner_of({.url = receiver.url(), .secret_file = folder / "secret"})->deliver(records_from_to(1, 3), {}).status);
  const auto requests = receiver.requests();
  ASSERT_EQ(requests.size(), 1u);
  ASSERT_TRUE(create_file(folder / "signed", requests[0].timestamp + "." + requests[0].body, 0600));
  EXPECT_EQ(requests[0].signature, "sha256=" + last_word_of("openssl dgst -sha256 -hmac 's3cret key' " + (folder / "signed")));
  EXPECT_NEAR(std::stod(requests[0].timestamp), static_cast<double>(SystemClock().unix_now()) / 1e6, 60);
}

TEST_F(WebhookReturner, NewKeyIsUsedFromTheNextBatchOn) {
  const HttpReceiver receiver;
  ASSERT_TRUE(create_file(folder / "secret", "old", 0600));
  const auto returner = returner_of({.url = receiver.url(), .secret_file = folder / "secret"});
  ASSERT_TRUE(replace_file(folder / "secret", "new", 0600));
  ASSERT_TRUE(returner->deliver(records_from_to(1, 1), {}).status);
  const auto requests = receiver.requests();
  ASSERT_TRUE(create_file(folder / "signed", requests.at(0).timestamp + "." + requests[0].body, 0600));
  EXPECT_EQ(requests[0].signature, "sha256=" + last_word_of("openssl dgst -sha256 -hmac new " + (folder / "signed")));
}

TEST_F(WebhookReturner, StatusAndFirstLineOfAnAnswerThatIsNoSuccessAreTold) {
  for (const int status : {302, 401, 403, 404, 408, 409, 429, 500, 503}) {
    const HttpReceiver receiver(always(status, "no, because\nof that"));
    const std::string trouble = trouble_of(*returner_of({.url = receiver.url()}));
    EXPECT_THAT(trouble, AllOf(HasSubstr("answers " + std::to_string(status)), HasSubstr(": no, because"), Not(HasSubstr("of that"))));
    EXPECT_THAT(trouble, AllOf(HasSubstr("/hook"), Not(HasSubstr("t0ken"))));
  }
}

TEST_F(WebhookReturner, ServerThatFailsOnceHasItTheNextTime) {
  std::atomic<int> asked{0};
  const HttpReceiver receiver([&](const Request&, Response& response) { response.status = asked++ == 0 ? 500 : 202; });
  const auto returner = returner_of({.url = receiver.url()});
  EXPECT_THAT(trouble_of(*returner), HasSubstr("500"));
  EXPECT_TRUE(returner->deliver(records_from_to(1, 2), {}).status);
}

TEST_F(WebhookReturner, RetryAfterIsWaitedForWithoutAskingAgain) {
  std::atomic<int> asked{0};
  const HttpReceiver receiver([&](const Request&, Response& response) {
    if (asked++ > 0) return;
    response.status = 429;
    response.set_header("Retry-After", "1");
  });
  const auto returner = returner_of({.url = receiver.url()});
  EXPECT_THAT(trouble_of(*returner), HasSubstr("429"));
  EXPECT_THAT(trouble_of(*returner), HasSubstr("Retry-After"));
  while (!returner->deliver(records_from_to(1, 2), {}).status) std::this_thread::yield();
  EXPECT_EQ(receiver.requests().size(), 2u);
}

TEST_F(WebhookReturner, RedirectsAreNotFollowed) {
  const HttpReceiver other;
  const HttpReceiver receiver([&](const Request&, Response& response) { response.set_redirect(other.url(), 307); });
  EXPECT_THAT(trouble_of(*returner_of({.url = receiver.url()})), AllOf(HasSubstr("redirect to " + other.url()), HasSubstr("into url")));
  EXPECT_THAT(other.requests(), IsEmpty());
}

TEST_F(WebhookReturner, OneOfAThousandThatIsNotTakenIsFoundAndTheOthersArriveOnce) {
  const HttpReceiver receiver([](const Request& request, Response& response) {
    if (request.body.find("\"web700\"") == std::string::npos) return;
    response.status = 422;
    response.set_content("field 'id' is odd", "text/plain");
  });
  const Delivery delivery = returner_of({.url = receiver.url()})->deliver(records_from_to(1, 1'000), {});
  ASSERT_TRUE(delivery.status) << delivery.status.error().message;
  EXPECT_EQ(delivery.settled, 1'000u);
  ASSERT_EQ(delivery.refused.size(), 1u);
  EXPECT_EQ(delivery.refused[0].index, 699u);
  EXPECT_THAT(delivery.refused[0].why, HasSubstr("answers 422: field 'id' is odd"));
  std::multiset<std::string> ids;
  for (const auto& request : receiver.requests()) {
    if (request.status != 200) continue;
    for (const auto& record : nlohmann::json::parse(request.body)) ids.insert(record["id"]);
  }
  EXPECT_EQ(ids.size(), 999u);
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), 999u);
  EXPECT_LT(receiver.requests().size(), 60u);
}

TEST_F(WebhookReturner, ReceiverThatTakesLessAtOnceGetsLessAtOnce) {
  const HttpReceiver receiver(
      [](const Request& request, Response& response) { response.status = request.body.size() > 4'096 ? 413 : 200; });
  const Delivery delivery = returner_of({.url = receiver.url()})->deliver(records_from_to(1, 200), {});
  ASSERT_TRUE(delivery.status) << delivery.status.error().message;
  EXPECT_THAT(delivery.refused, IsEmpty());
}

TEST_F(WebhookReturner, LongAnswersAreCutShort) {
  const HttpReceiver taken(always(200, std::string(8U << 20, 'x')));
  EXPECT_TRUE(returner_of({.url = taken.url()})->deliver(records_from_to(1, 2), {}).status);
  const HttpReceiver failed(always(500, std::string(8U << 20, 'x')));
  EXPECT_LT(trouble_of(*returner_of({.url = failed.url()})).size(), 400u);
}

TEST_F(WebhookReturner, ServerThatHangsIsGivenUpAfterTheTimeout) {
  std::promise<void> release;
  auto released = release.get_future().share();
  const HttpReceiver receiver([released](const Request&, Response&) { released.wait(); });
  EXPECT_THAT(trouble_of(*returner_of({.url = receiver.url(), .timeout = milliseconds(200)})), HasSubstr("(timeout)"));
  release.set_value();
}

TEST_F(WebhookReturner, StopEndsTheWaitForAServerThatHangs) {
  std::promise<void> arrived, release;
  auto released = release.get_future().share();
  const HttpReceiver receiver([&arrived, released](const Request&, Response&) {
    arrived.set_value();
    released.wait();
  });
  const auto returner = returner_of({.url = receiver.url(), .timeout = std::chrono::minutes(10)});
  std::jthread delivering([&](const std::stop_token& stop) {
    const Delivery delivery = returner->deliver(records_from_to(1, 2), stop);
    EXPECT_THAT(delivery.status.error().message, HasSubstr("stopped"));
  });
  arrived.get_future().wait();
  delivering.request_stop();
  delivering.join();
  release.set_value();
}

TEST_F(WebhookReturner, CertificateOfTheCaFileIsTrusted) {
  const std::string ca = certificate("ca.pem", "IP:127.0.0.1");
  const HttpReceiver receiver(nullptr, ca, ca + ".key");
  const Delivery delivery = returner_of({.url = receiver.url(), .ca_file = ca})->deliver(records_from_to(1, 2), {});
  EXPECT_TRUE(delivery.status) << delivery.status.error().message;
}

TEST_F(WebhookReturner, OtherCertificatesAndOtherNamesAreNotTrusted) {
  const std::string ca = certificate("ca.pem", "IP:127.0.0.1");
  const std::string other = certificate("other.pem", "IP:127.0.0.1");
  const std::string elsewhere = certificate("elsewhere.pem", "DNS:elsewhere.example.org");
  const HttpReceiver receiver(nullptr, ca, ca + ".key");
  EXPECT_THAT(trouble_of(*returner_of({.url = receiver.url(), .ca_file = other})), HasSubstr("certificate"));
  EXPECT_THAT(trouble_of(*returner_of({.url = receiver.url()})), HasSubstr("certificate"));
  EXPECT_THAT(receiver.requests(), IsEmpty());
  const HttpReceiver misnamed(nullptr, elsewhere, elsewhere + ".key");
  EXPECT_THAT(trouble_of(*returner_of({.url = misnamed.url(), .ca_file = elsewhere})), HasSubstr("127.0.0.1"));
  EXPECT_THAT(misnamed.requests(), IsEmpty());
}

TEST_F(WebhookReturner, MistakesOfTheConfigurationAreSaidAtOnce) {
  EXPECT_THAT(why_not_opened({.url = "hooks.example.org"}), HasSubstr("https://host[:port]/path"));
  EXPECT_THAT(why_not_opened({.url = "ftp://hooks.example.org/"}), HasSubstr("https:// or http://"));
  EXPECT_THAT(why_not_opened({.url = "https://a:geheim@h/"}), AllOf(HasSubstr("headers"), Not(HasSubstr("geheim"))));
  EXPECT_THAT(why_not_opened({.url = "https://h/", .secret_file = folder / "none"}), HasSubstr("secret_file: cannot read"));
  EXPECT_THAT(why_not_opened({.url = "https://h/", .ca_file = folder / "none"}), HasSubstr("ca_file: cannot read"));
  EXPECT_THAT(why_not_opened({.url = "https://h/", .headers = {{"a b", "c"}}}), HasSubstr("no name of a header"));
  EXPECT_THAT(why_not_opened({.url = "https://h/", .headers = {{"A", "b\r\nC: d"}}}), HasSubstr("line break"));
  EXPECT_THAT(why_not_opened({.url = "https://h/", .headers = {{"x-brine-signature", "d"}}}), HasSubstr("by brine itself"));
}

// ---- the contract of all returners -------------------------------------------------------------------------------------------

class WebhookBackend final : public Backend {
 public:
  WebhookBackend() { prepare_process(); }
  std::unique_ptr<Returner> open() override { return returner_of({.url = receiver_.url()}); }
  std::vector<std::string> received() override {
    std::vector<std::string> texts;
    for (const auto& request : receiver_.requests()) {
      if (request.status != 200) continue;
      for (const auto& record : nlohmann::ordered_json::parse(request.body)) texts.push_back(record.dump());
    }
    return texts;
  }
  void go_away() override { receiver_.stop(); }
  void come_back() override { receiver_.start(); }
  std::optional<Record> unacceptable() override { return record_of(entry_number(9, R"("poison")")); }

 private:
  HttpReceiver receiver_{[](const Request& request, Response& response) {
    if (request.body.find("poison") != std::string::npos) response.status = 400;
  }};
};

INSTANTIATE_TEST_SUITE_P(Webhook, ReturnerContract, testing::Values(backend_kind<WebhookBackend>("webhook")), kind_name);

}  // namespace
}  // namespace brine::returners
