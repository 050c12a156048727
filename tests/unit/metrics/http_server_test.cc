#include "metrics/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/socket.h>

#include <atomic>
#include <future>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tests/unit/metrics/http_client.h"

namespace brine::metrics {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class HttpServerTest : public testing::Test {
 protected:
  Pages pages() {
    return {.metrics = [this] { return on_metrics(); },
            .healthy = [this]() -> Status {
              if (healthy) return {};
              return fail(Code::kTimeout, "thread face-0 has not moved for 31 s");
            },
            .ready = [this]() -> Status {
              if (ready) return {};
              return fail(Code::kUnavailable, "the store is away: disk full");
            }};
  }
  std::unique_ptr<HttpServer> open() {
    auto server = HttpServer::open("127.0.0.1", 0, pages());
    EXPECT_TRUE(server) << server.error().message;
    return std::move(*server);
  }

  std::function<std::string()> on_metrics = [] { return "brine_returns_total 4\n"; };
  std::atomic<bool> healthy{true};
  std::atomic<bool> ready{true};
};

TEST_F(HttpServerTest, MetricsComeAsTheTextFormatOfPrometheus) {
  const auto server = open();
  ASSERT_NE(server->port(), 0);
  const HttpReply reply = ask(server->port(), "/metrics");
  EXPECT_EQ(reply.status, 200);
  EXPECT_THAT(reply.head, HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8"));
  EXPECT_EQ(reply.body, "brine_returns_total 4\n");
}

TEST_F(HttpServerTest, APageThatIsAddedGetsItsQueryDecoded) {
  const auto server = open();
  EXPECT_EQ(ask(server->port(), "/extra/page?a=1").status, 404);
  server->add_page("/extra/page", [](const Query& query) {
    std::string all;
    for (const auto& [name, value] : query) all += name + "=" + value + ";";
    return PageAnswer{.type = "application/json", .body = all};
  });
  const HttpReply reply = ask(server->port(), "/extra/page?tgt=web%2A%20x&fun=a+b&empty=&bare&fun=c%3Dd&&%zz=1");
  EXPECT_EQ(reply.status, 200);
  EXPECT_THAT(reply.head, HasSubstr("Content-Type: application/json"));
  EXPECT_THAT(reply.body, HasSubstr("bare=;empty=;fun=c=d;tgt=web* x;"));
  EXPECT_EQ(ask(server->port(), "/extra").status, 404);
  EXPECT_EQ(ask(server->port(), "/metrics").status, 200);
}

TEST_F(HttpServerTest, APageMaySayThatItsQueryIsWrongOrThatItCannotNow) {
  const auto server = open();
  server->add_page("/p", [](const Query& query) { return PageAnswer{.status = query.empty() ? 400 : 503, .body = "why"}; });
  EXPECT_EQ(ask(server->port(), "/p").status, 400);
  EXPECT_EQ(ask(server->port(), "/p?x").status, 503);
  EXPECT_EQ(ask(server->port(), "/p?x").body, "why");
}

TEST_F(HttpServerTest, HeadHasTheLengthAndNoBody) {
  const auto server = open();
  const HttpReply reply = ask(server->port(), "/metrics", "HEAD");
  EXPECT_EQ(reply.status, 200);
  EXPECT_THAT(reply.head, HasSubstr("Content-Length: 22"));
  EXPECT_THAT(reply.body, IsEmpty());
}

TEST_F(HttpServerTest, ReadyzSaysWhyNot) {
  const auto server = open();
  EXPECT_EQ(ask(server->port(), "/readyz").status, 200);
  ready = false;
  const HttpReply reply = ask(server->port(), "/readyz");
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.body, "the store is away: disk full\n");
  EXPECT_EQ(ask(server->port(), "/healthz").status, 200);
}

TEST_F(HttpServerTest, HealthzNamesTheThreadThatStands) {
  const auto server = open();
  healthy = false;
  const HttpReply reply = ask(server->port(), "/healthz");
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.body, "thread face-0 has not moved for 31 s\n");
}

TEST_F(HttpServerTest, OtherPathsAreNotFoundAndOtherMethodsRefused) {
  const auto server = open();
  for (const char* path : {"/", "/metrics/", "/metricsx", "/favicon.ico", "/../../etc/passwd", "/%2e%2e/etc/passwd", "/METRICS"})
    EXPECT_EQ(ask(server->port(), path).status, 404) << path;
  EXPECT_EQ(ask(server->port(), "/metrics?name=x").status, 200);
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS"}) {
    const HttpReply reply = ask(server->port(), "/metrics", method);
    EXPECT_EQ(reply.status, 405) << method;
    EXPECT_THAT(reply.head, HasSubstr("Allow: GET, HEAD")) << method;
  }
}

TEST_F(HttpServerTest, APortInUseIsNamed) {
  const auto first = open();
  const auto second = HttpServer::open("127.0.0.1", first->port(), pages());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kUnavailable);
  EXPECT_THAT(second.error().message,
              AllOf(StartsWith("cannot serve metrics on 127.0.0.1:" + std::to_string(first->port())), HasSubstr("Address already in use")));
  EXPECT_EQ(ask(first->port(), "/healthz").status, 200);
}

TEST_F(HttpServerTest, AddressesThatCannotBeHadAreErrors) {
  const auto elsewhere = HttpServer::open("192.0.2.1", 0, pages());
  ASSERT_FALSE(elsewhere);
  EXPECT_EQ(elsewhere.error().code, Code::kUnavailable);
  EXPECT_THAT(elsewhere.error().message, HasSubstr("192.0.2.1:0"));
  const auto nameless = HttpServer::open("no such host", 0, pages());
  ASSERT_FALSE(nameless);
  EXPECT_EQ(nameless.error().code, Code::kUnavailable);
  EXPECT_THAT(nameless.error().message, HasSubstr("no such host"));
  const auto six = HttpServer::open("::1", 0, pages());
  ASSERT_FALSE(six);
  EXPECT_EQ(six.error().code, Code::kInvalid);
  EXPECT_THAT(six.error().message, HasSubstr("IPv4"));
}

TEST_F(HttpServerTest, ConcurrentScrapesAreAllAnsweredByTwoThreads) {
  std::mutex mutex;
  std::set<std::string> names;
  on_metrics = [&] {
    char name[16] = {};
    pthread_getname_np(pthread_self(), name, sizeof name);
    const std::lock_guard lock(mutex);
    names.insert(name);
    return std::string(100'000, 'x');
  };
  const auto server = open();
  std::atomic<int> whole{0};
  {
    std::vector<std::jthread> clients;
    for (int i = 0; i < 8; ++i) {
      clients.emplace_back([&] {
        for (int n = 0; n < 10; ++n) whole += ask(server->port(), "/metrics").body.size() == 100'000 ? 1 : 0;
      });
    }
  }
  EXPECT_EQ(whole, 80);
  for (const std::string& name : names) EXPECT_THAT(name, testing::AnyOf("metrics-0", "metrics-1"));
}

TEST_F(HttpServerTest, AnExceptionCostsOneAnswer) {
  on_metrics = []() -> std::string { throw std::runtime_error("broken"); };
  const auto server = open();
  EXPECT_EQ(ask(server->port(), "/metrics").status, 500);
  EXPECT_EQ(ask(server->port(), "/healthz").status, 200);
}

TEST_F(HttpServerTest, StopWaitsForTheScrapeInHand) {
  std::promise<void> begun;
  std::promise<void> go_on;
  std::atomic<bool> answered{false};
  on_metrics = [&] {
    begun.set_value();
    go_on.get_future().wait();
    answered = true;
    return std::string("late\n");
  };
  const auto server = open();
  auto scrape = std::async(std::launch::async, [&] { return ask(server->port(), "/metrics"); });
  begun.get_future().wait();
  auto stopped = std::async(std::launch::async, [&] {
    server->stop();
    return answered.load();
  });
  go_on.set_value();
  EXPECT_TRUE(stopped.get());
  EXPECT_TRUE(scrape.valid());
  scrape.wait();
}

TEST_F(HttpServerTest, StopDoesNotWaitForThoseWhoSayNothing) {
  const auto server = open();
  std::vector<Fd> silent;
  for (int i = 0; i < 30; ++i) silent.push_back(connect_to(server->port()));
  server->stop();
  EXPECT_EQ(ask(server->port(), "/healthz").status, 0);
  server->stop();
}

TEST_F(HttpServerTest, ANameOfThisMachineAndAllItsAddressesCanBeListenedOn) {
  for (const char* host : {"localhost", "0.0.0.0"}) {
    const auto server = HttpServer::open(host, 0, pages());
    ASSERT_TRUE(server) << server.error().message;
    EXPECT_EQ(ask((*server)->port(), "/healthz").status, 200) << host;
  }
}

TEST_F(HttpServerTest, APortCanBeHadAgainAfterTheStop) {
  auto first = open();
  const std::uint16_t port = first->port();
  EXPECT_EQ(ask(port, "/healthz").status, 200);
  first.reset();
  const auto second = HttpServer::open("127.0.0.1", port, pages());
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ((*second)->port(), port);
}

}  // namespace
}  // namespace brine::metrics
