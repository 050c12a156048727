// The one HTTP server of a daemon: /metrics, /healthz and /readyz, to GET and HEAD, without TLS. Everything else is 404.
//
// civetweb, which is what prometheus-cpp's own Exposer uses too, serves it: three threads, "metrics-accept", "metrics-0" and "metrics-1".
// Bounds: requests of 16 KiB, 5 s for one, 20 accepted connections that wait, no keep-alive. Nobody is authenticated: listen where only the
// monitoring reaches it. IPv4 only, because Debian builds civetweb so.
#pragma once

#include <cstdint>
#include <functional>
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

class HttpServer {
 public:
  // host: an IPv4 address or a name of this machine. port 0: any free one.
  // kUnavailable: the port is in use, or the address is not one of this machine or not found. kInvalid: an IPv6 address.
  static Result<std::unique_ptr<HttpServer>> open(const std::string& host, std::uint16_t port, Pages pages);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

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
