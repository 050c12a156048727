// The one HTTP server of a daemon: /metrics, /healthz, /readyz and what else is added, to GET and HEAD, without TLS. Everything else is
// 404.
//
// civetweb, which is what prometheus-cpp's own Exposer uses too, serves it: three threads, "metrics-accept", "metrics-0" and "metrics-1".
// Bounds: requests of 16 KiB, 5 s for one, 20 accepted connections that wait, no keep-alive. Nobody is authenticated: listen where only the
// monitoring reaches it. IPv4 only, because Debian builds civetweb so.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/result.h"

namespace brine::metrics {

// Called on the server's threads, two at a time at most, until stop() returns.
struct Pages {
  std::function<std::string()> metrics;
  // Errors are answered with 503 and their message: kTimeout, kUnavailable and the like make no difference.
  std::function<Status()> healthy;
  std::function<Status()> ready;
};

// Of a page: what stands behind the '?', decoded; of a name that comes twice, the last.
using Query = std::map<std::string, std::string>;

struct PageAnswer {
  int status = 200;  // 400: the query is wrong; 503: not now
  std::string type = "text/plain; charset=utf-8";
  std::string body;
};

// Called as the others are.
using Page = std::function<PageAnswer(const Query&)>;

class HttpServer {
 public:
  // host: an IPv4 address or a name of this machine. port 0: any free one.
  // kUnavailable: the port is in use, or the address is not one of this machine or not found. kInvalid: an IPv6 address.
  static Result<std::unique_ptr<HttpServer>> open(const std::string& host, std::uint16_t port, Pages pages);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // From now on this path ("/discovery/prometheus") is answered too. Thread-safe; a path is added once.
  void add_page(std::string path, Page page);
  // Answers what has begun, waits 2 s at most for those who have sent nothing, then ends the threads. Safe to call twice.
  void stop();
  std::uint16_t port() const { return port_; }

 private:
  struct Native;
  HttpServer();

  std::unique_ptr<Native> native_;
  std::uint16_t port_ = 0;
};

}  // namespace brine::metrics
