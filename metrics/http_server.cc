#include "metrics/http_server.h"

#include <arpa/inet.h>
#include <civetweb.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/thread.h"

namespace brine::metrics {
namespace {

constexpr const char* kMetricsType = "text/plain; version=0.0.4; charset=utf-8";
constexpr const char* kTextType = "text/plain; charset=utf-8";
constexpr int kMasterThread = 0;
constexpr int kWorkerThread = 1;

using Answer = PageAnswer;

const char* reason_of(int status) {
  switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 503: return "Service Unavailable";
    default: return "Internal Server Error";
  }
}

Answer answer_of(const Status& status) {
  if (status) return {200, kTextType, "ok\n"};
  return {503, kTextType, status.error().message + "\n"};
}

std::string decoded(std::string_view text) {
  std::string result(text.size() + 1, '\0');
  const int size = mg_url_decode(text.data(), static_cast<int>(text.size()), result.data(), static_cast<int>(result.size()), 1);
  result.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
  return result;
}

Query query_of(std::string_view text) {
  Query query;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t end = std::min(text.find('&', from), text.size());
    const std::string_view pair = text.substr(from, end - from);
    const std::size_t equals = std::min(pair.find('='), pair.size());
    if (!pair.empty()) query[decoded(pair.substr(0, equals))] = decoded(pair.substr(std::min(equals + 1, pair.size())));
    from = end + 1;
  }
  return query;
}

using Added = std::map<std::string, Page, std::less<>>;

Answer answer(const Pages& pages, const Added& added, std::string_view path, std::string_view query) {
  if (const auto page = added.find(path); page != added.end()) return page->second(query_of(query));
  if (path == "/metrics") return {200, kMetricsType, pages.metrics()};
  if (path == "/healthz") return answer_of(pages.healthy());
  if (path == "/readyz") return answer_of(pages.ready());
  std::string known = "there are /metrics, /healthz and /readyz";
  for (const auto& [name, page] : added) known += ", and " + name;
  return {404, kTextType, known + "\n"};
}

Answer answer_without_exceptions(const Pages& pages, const Added& added, std::string_view path, std::string_view query) {
  try {
    return answer(pages, added, path, query);
  } catch (const std::exception& error) {
    log::error("cannot answer {}: {}", path, error.what());
    return {500, kTextType, "this failed; the log says why\n"};
  }
}

void send(mg_connection* connection, const Answer& answer, bool with_body) {
  mg_printf(connection, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nCache-Control: no-store\r\nConnection: close\r\n",
            answer.status, reason_of(answer.status), answer.type.c_str(), answer.body.size());
  if (answer.status == 405) mg_printf(connection, "Allow: GET, HEAD\r\n");
  mg_printf(connection, "\r\n");
  if (with_body) mg_write(connection, answer.body.data(), answer.body.size());
}

// civetweb takes numbers only.
Result<sockaddr_in> resolve(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &found); error != 0)
    return fail(Code::kUnavailable, "cannot serve metrics on " + host + ": " + ::gai_strerror(error) + "; an IPv4 address is needed");
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(found, ::freeaddrinfo);
  return reinterpret_cast<const sockaddr_in&>(*found->ai_addr);
}

std::string place_of(const sockaddr_in& address, std::uint16_t port) {
  char text[INET_ADDRSTRLEN] = {};
  inet_ntop(AF_INET, &address.sin_addr, text, sizeof text);
  return std::string(text) + ":" + std::to_string(port);
}

// civetweb's accepting thread learns of the stop when its poll() returns: after 2 s, or when somebody connects.
void connect_until_stopped(const std::stop_token& stop, const sockaddr_in& address) {
  std::mutex mutex;
  std::condition_variable_any ended;
  std::unique_lock lock(mutex);
  while (!stop.stop_requested()) {
    const Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    static_cast<void>(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address));
    ended.wait_for(lock, stop, milliseconds(10), [] { return false; });
  }
}

// Threads that are made meanwhile leave the daemon's signals to others.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace

struct HttpServer::Native {
  Pages pages;
  mg_context* context = nullptr;
  sockaddr_in address{};
  std::atomic<int> workers{0};
  std::mutex mutex;
  std::string trouble;  // guarded by mutex: the first that civetweb complained of
  Added added;          // guarded by mutex

  static Native& of(const mg_context* from) { return *static_cast<Native*>(mg_get_user_data(from)); }

  Added pages_added() {
    const std::lock_guard lock(mutex);
    return added;
  }

  static int on_request(mg_connection* connection) {
    const mg_request_info* request = mg_get_request_info(connection);
    const std::string_view method = request->request_method == nullptr ? "" : request->request_method;
    const std::string_view path = request->local_uri == nullptr ? "" : request->local_uri;
    const std::string_view query = request->query_string == nullptr ? "" : request->query_string;
    Native& native = of(mg_get_context(connection));
    const Answer given = method == "GET" || method == "HEAD" ? answer_without_exceptions(native.pages, native.pages_added(), path, query)
                                                             : Answer{405, kTextType, "only GET and HEAD are answered\n"};
    send(connection, given, method != "HEAD");
    return given.status;
  }

  static int on_log(const mg_connection* connection, const char* message) {
    Native& native = of(mg_get_context(connection));
    const std::lock_guard lock(native.mutex);
    if (native.trouble.empty()) native.trouble = message;
    log::debug("metrics: {}", message);
    return 1;
  }

  static void* on_thread(const mg_context* context, int kind) {
    if (kind == kMasterThread) pthread_setname_np(pthread_self(), "metrics-accept");
    if (kind == kWorkerThread) pthread_setname_np(pthread_self(), ("metrics-" + std::to_string(of(context).workers++)).c_str());
    return nullptr;
  }
};

HttpServer::HttpServer() : native_(std::make_unique<Native>()) { mg_init_library(MG_FEATURES_DEFAULT); }

HttpServer::~HttpServer() {
  stop();
  mg_exit_library();
}

Result<std::unique_ptr<HttpServer>> HttpServer::open(const std::string& host, std::uint16_t port, Pages pages) {
  if (host.find(':') != std::string::npos)
    return fail(Code::kInvalid, "cannot serve metrics on [" + host + "]: only IPv4 addresses can be used there, as in 127.0.0.1:9464");
  std::unique_ptr<HttpServer> server(new HttpServer);
  Native& native = *server->native_;
  native.pages = std::move(pages);
  BRINE_LET(native.address, resolve(host));
  const std::string place = place_of(native.address, port);
  const std::array<const char*, 9> settings{"listening_ports",   place.c_str(), "num_threads", "2", "request_timeout_ms", "5000",
                                            "enable_keep_alive", "no",          nullptr};
  mg_callbacks callbacks{};
  callbacks.begin_request = &Native::on_request;
  callbacks.log_message = &Native::on_log;
  callbacks.init_thread = &Native::on_thread;
  mg_init_data init{&callbacks, &native, const_cast<const char**>(settings.data())};
  {
    const SignalsBlocked blocked;
    native.context = mg_start2(&init, nullptr);
  }
  if (native.context == nullptr) return fail(Code::kUnavailable, "cannot serve metrics on " + place + ": " + native.trouble);
  mg_server_port bound{};
  mg_get_server_ports(native.context, 1, &bound);
  server->port_ = static_cast<std::uint16_t>(bound.port);
  native.address.sin_port = htons(server->port_);
  return server;
}

void HttpServer::add_page(std::string path, Page page) {
  const std::lock_guard lock(native_->mutex);
  native_->added.emplace(std::move(path), std::move(page));
}

void HttpServer::stop() {
  if (native_->context == nullptr) return;
  const std::jthread waker =
      start_thread("metrics-stop", [address = native_->address](const std::stop_token& stop) { connect_until_stopped(stop, address); });
  mg_stop(std::exchange(native_->context, nullptr));
}

}  // namespace brine::metrics
