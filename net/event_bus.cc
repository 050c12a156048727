#include "net/event_bus.h"

#include <sys/stat.h>
#include <unistd.h>

#include <zmq.hpp>

#include <cerrno>

#include "base/log.h"

namespace brine::net {
namespace {

constexpr milliseconds kLookEvery{250};

}  // namespace

struct EventPublisher::Native {
  zmq::context_t context{1};
  zmq::socket_t socket{context, zmq::socket_type::xpub};
  std::string path;
};

EventPublisher::EventPublisher(std::unique_ptr<Native> native) : native_(std::move(native)) {}

EventPublisher::~EventPublisher() { ::unlink(native_->path.c_str()); }

Result<std::unique_ptr<EventPublisher>> EventPublisher::open(const std::string& ipc_path, std::size_t queue) {
  auto native = std::make_unique<Native>();
  native->path = ipc_path;
  const mode_t before = ::umask(077);
  try {
    native->socket.set(zmq::sockopt::linger, 0);
    native->socket.set(zmq::sockopt::sndhwm, static_cast<int>(queue));
    native->socket.set(zmq::sockopt::xpub_verbose, 1);
    native->socket.set(zmq::sockopt::xpub_verboser, 1);
    native->socket.bind("ipc://" + ipc_path);
  } catch (const zmq::error_t& e) {
    ::umask(before);
    return fail(Code::kUnavailable, "cannot publish events on " + ipc_path + ": " + e.what());
  }
  ::umask(before);
  return std::unique_ptr<EventPublisher>(new EventPublisher(std::move(native)));
}

// Subscriptions are messages: 0x01 or 0x00, then the prefix.
void EventPublisher::take_subscriptions() {
  zmq::message_t message;
  while (native_->socket.recv(message, zmq::recv_flags::dontwait)) {
    if (message.empty()) continue;
    subscriptions_ += *message.data<char>() == 1 ? 1 : -1;
  }
}

bool EventPublisher::has_subscribers() {
  const MonoTime now = std::chrono::steady_clock::now();
  if (now - looked_.load(std::memory_order_relaxed) >= kLookEvery) {
    looked_ = now;
    std::lock_guard lock(mutex_);
    take_subscriptions();
  }
  return subscriptions_ > 0;
}

void EventPublisher::publish(std::string_view tag, std::string json) {
  std::lock_guard lock(mutex_);
  try {
    native_->socket.send(zmq::buffer(tag), zmq::send_flags::sndmore | zmq::send_flags::dontwait);
    native_->socket.send(zmq::buffer(json), zmq::send_flags::dontwait);
  } catch (const zmq::error_t& e) {
    log::debug("an event was not published: {}", e.what());
  }
}

struct EventSubscriber::Native {
  zmq::context_t context{1};
  zmq::socket_t socket{context, zmq::socket_type::sub};
};

EventSubscriber::EventSubscriber(std::unique_ptr<Native> native) : native_(std::move(native)) {}
EventSubscriber::~EventSubscriber() = default;

Result<std::unique_ptr<EventSubscriber>> EventSubscriber::open(const std::string& ipc_path) {
  if (::access(ipc_path.c_str(), R_OK | W_OK) != 0) return fail_errno("no events at " + ipc_path + "; is brine-master running?", errno);
  auto native = std::make_unique<Native>();
  try {
    native->socket.set(zmq::sockopt::linger, 0);
    native->socket.set(zmq::sockopt::subscribe, "");
    native->socket.connect("ipc://" + ipc_path);
  } catch (const zmq::error_t& e) {
    return fail(Code::kUnavailable, "cannot listen to " + ipc_path + ": " + e.what());
  }
  return std::unique_ptr<EventSubscriber>(new EventSubscriber(std::move(native)));
}

Result<std::optional<Event>> EventSubscriber::receive(milliseconds longest) {
  try {
    native_->socket.set(zmq::sockopt::rcvtimeo, static_cast<int>(longest.count()));
    zmq::message_t tag;
    if (!native_->socket.recv(tag)) return std::optional<Event>();
    Event event{tag.to_string(), {}};
    for (bool more = tag.more(); more;) {
      zmq::message_t part;
      if (!native_->socket.recv(part)) break;
      event.json += part.to_string();
      more = part.more();
    }
    return std::optional(std::move(event));
  } catch (const zmq::error_t& e) {
    if (e.num() == EINTR) return std::optional<Event>();
    return fail(Code::kUnavailable, e.what());
  }
}

}  // namespace brine::net
