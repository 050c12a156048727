// An HTTP server for tests: takes POST requests on a free port of the loopback, keeps those that it has taken, and answers as it is told.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace httplib {
struct Request;
struct Response;
class Server;
}  // namespace httplib

namespace brine::returners {

class HttpReceiver {
 public:
  struct Received {
    std::string body, content_type, timestamp, delivery, signature, extra;  // extra: of X-Extra
    int from = 0;                                                           // port of the client
    int status = 0;                                                         // that it was answered with
  };
  // What to answer; called on a thread of the server for each request, one at a time. Sets the status to 200 and more, at its wish.
  using Answer = std::function<void(const httplib::Request&, httplib::Response&)>;

  // certificate, key: paths of PEM files; then it is https.
  explicit HttpReceiver(Answer answer = nullptr, std::string certificate = "", std::string key = "");
  HttpReceiver(const HttpReceiver&) = delete;
  HttpReceiver& operator=(const HttpReceiver&) = delete;
  ~HttpReceiver();

  void start();  // again, on the same port
  void stop();
  std::string url() const;
  // All requests that were answered, in their order.
  std::vector<Received> requests() const;

 private:
  void handle(const httplib::Request& request, httplib::Response& response);

  const Answer answer_;
  const std::string certificate_, key_;
  int port_ = 0;
  mutable std::mutex mutex_;
  std::vector<Received> requests_;  // guarded by mutex_
  std::unique_ptr<httplib::Server> server_;
  std::thread thread_;
};

}  // namespace brine::returners
