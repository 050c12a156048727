#include "tests/unit/returners/http_receiver.h"

#include <httplib.h>

#include <stdexcept>

namespace brine::returners {

HttpReceiver::HttpReceiver(Answer answer, std::string certificate, std::string key)
    : answer_(std::move(answer)), certificate_(std::move(certificate)), key_(std::move(key)) {
  start();
}

HttpReceiver::~HttpReceiver() {
  if (server_) stop();
}

void HttpReceiver::start() {
  if (certificate_.empty()) {
    server_ = std::make_unique<httplib::Server>();
  } else {
    server_ = std::make_unique<httplib::SSLServer>(certificate_.c_str(), key_.c_str());
  }
  server_->set_tcp_nodelay(true);
  server_->Post(".*", [this](const httplib::Request& request, httplib::Response& response) { handle(request, response); });
  if (port_ == 0) {
    port_ = server_->bind_to_any_port("127.0.0.1");
  } else if (!server_->bind_to_port("127.0.0.1", port_)) {
    port_ = -1;
  }
  if (port_ <= 0) throw std::runtime_error("the receiver has no port");
  thread_ = std::thread([this] { server_->listen_after_bind(); });
  while (!server_->is_running()) std::this_thread::yield();
}

void HttpReceiver::stop() {
  server_->stop();
  thread_.join();
  server_.reset();
}

std::string HttpReceiver::url() const {
  return (certificate_.empty() ? "http" : "https") + ("://127.0.0.1:" + std::to_string(port_)) + "/hook?token=t0ken";
}

std::vector<HttpReceiver::Received> HttpReceiver::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void HttpReceiver::handle(const httplib::Request& request, httplib::Response& response) {
  response.status = 200;
  if (answer_) answer_(request, response);
  const auto header = [&](const char* name) { return request.get_header_value(name); };
  const std::lock_guard lock(mutex_);
  requests_.push_back({request.body, header("Content-Type"), header("X-Brine-Timestamp"), header("X-Brine-Delivery"),
                       header("X-Brine-Signature"), header("X-Extra"), request.remote_port, response.status});
}

}  // namespace brine::returners
