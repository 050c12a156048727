#include "net/dealer_channel.h"

#include <zmq.hpp>

#include <cstring>

namespace brine::net {
namespace {

constexpr std::size_t kFramesPerPoll = 256;
// Never: a session is bound to one connection. Not -1, nor IMMEDIATE: with either libzmq 4.3.4 throws away, at the moment of the
// loss, the messages that had come and were not read yet (socket_base_t::hiccuped, term_endpoint).
constexpr int kReconnectMs = 24 * 3'600 * 1'000;
constexpr int kMonitored = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CLOSED |
                           ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                           ZMQ_EVENT_CONNECT_RETRIED;

}  // namespace

struct DealerChannel::Native {
  enum class State { kConnecting, kConnected, kLost };
  void note(std::uint16_t event, Events& events);

  zmq::context_t context{1};
  zmq::socket_t dealer;
  zmq::socket_t monitor;
  std::string endpoint;
  State state = State::kConnecting;
  std::uint64_t opened = 0;  // a closed socket frees its monitor's name only later
};

// A loss is told once, whatever else libzmq has to say about it.
void DealerChannel::Native::note(std::uint16_t event, Events& events) {
  if (state == State::kLost) return;
  const bool stands = event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
  state = stands ? State::kConnected : State::kLost;
  (stands ? events.connected : events.lost) = true;
}

DealerChannel::DealerChannel(ChannelOptions options) : options_(options), native_(std::make_unique<Native>()) {}
DealerChannel::~DealerChannel() { close(); }

bool DealerChannel::is_open() const { return static_cast<bool>(native_->dealer); }

void DealerChannel::close() {
  if (!is_open()) return;
  zmq_socket_monitor(native_->dealer.handle(), nullptr, 0);
  native_->monitor.close();
  native_->dealer.close();
  native_->state = Native::State::kConnecting;
}

Status DealerChannel::open(const std::string& endpoint) {
  close();
  try {
    zmq::socket_t dealer(native_->context, zmq::socket_type::dealer);
    dealer.set(zmq::sockopt::linger, 0);
    dealer.set(zmq::sockopt::reconnect_ivl, kReconnectMs);
    dealer.set(zmq::sockopt::connect_timeout, 5'000);
    dealer.set(zmq::sockopt::handshake_ivl, 10'000);
    dealer.set(zmq::sockopt::heartbeat_ivl, static_cast<int>(options_.heartbeat.count()));
    dealer.set(zmq::sockopt::heartbeat_timeout, static_cast<int>((options_.heartbeat_timeout - options_.heartbeat).count()));
    dealer.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(options_.max_message));
    dealer.set(zmq::sockopt::sndhwm, static_cast<int>(options_.queue));
    dealer.set(zmq::sockopt::rcvhwm, static_cast<int>(options_.queue));
    const std::string watch = "inproc://monitor-" + std::to_string(++native_->opened);
    if (zmq_socket_monitor(dealer.handle(), watch.c_str(), kMonitored) != 0) return fail_errno("cannot watch a socket", errno);
    zmq::socket_t monitor(native_->context, zmq::socket_type::pair);
    monitor.set(zmq::sockopt::linger, 0);
    monitor.connect(watch);
    native_->dealer = std::move(dealer);
    native_->monitor = std::move(monitor);
    native_->dealer.connect(endpoint);
    native_->endpoint = endpoint;
  } catch (const zmq::error_t& e) {
    close();
    return fail(Code::kInvalid, "cannot connect to " + endpoint + ": " + e.what());
  }
  return {};
}

Status DealerChannel::send(std::string_view frame) {
  if (!is_open()) return fail(Code::kUnavailable, "not connected");
  if (native_->state != Native::State::kConnected) return fail(Code::kFull, "the connection does not stand yet, or no more");
  try {
    if (native_->dealer.send(zmq::buffer(frame), zmq::send_flags::dontwait)) return {};
    return fail(Code::kFull, "the socket takes nothing now");
  } catch (const zmq::error_t& e) {
    return fail(Code::kUnavailable, e.what());
  }
}

DealerChannel::Events DealerChannel::poll(int wake_fd, milliseconds longest) {
  Events events;
  const bool open = is_open();
  zmq::pollitem_t items[] = {{nullptr, wake_fd, ZMQ_POLLIN, 0},
                             {open ? native_->dealer.handle() : nullptr, -1, ZMQ_POLLIN, 0},
                             {open ? native_->monitor.handle() : nullptr, -1, ZMQ_POLLIN, 0}};
  try {
    zmq::poll(items, open ? 3 : 1, longest);
    events.woken = (items[0].revents & ZMQ_POLLIN) != 0;
    if (!open) return events;
    zmq::message_t message;
    for (std::size_t i = 0; i < kFramesPerPoll && native_->dealer.recv(message, zmq::recv_flags::dontwait); ++i)
      events.frames.emplace_back(message.data<char>(), message.size());
    // A monitor event is {u16 event, u32 value} and an address; the event alone decides.
    while (native_->monitor.recv(message, zmq::recv_flags::dontwait)) {
      std::uint16_t event = 0;
      if (message.size() >= sizeof event) std::memcpy(&event, message.data(), sizeof event);
      native_->note(event, events);
      while (message.more() && native_->monitor.recv(message)) {
      }
    }
    if (events.lost) {
      while (native_->dealer.recv(message, zmq::recv_flags::dontwait)) events.frames.emplace_back(message.data<char>(), message.size());
      zmq_disconnect(native_->dealer.handle(), native_->endpoint.c_str());
    }
  } catch (const zmq::error_t& e) {
    if (e.num() != EINTR) events.lost = true;
  }
  return events;
}

}  // namespace brine::net
