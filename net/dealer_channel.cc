#include "net/dealer_channel.h"

#include <zmq.hpp>

#include <cstring>

namespace brine::net {
namespace {

constexpr std::size_t kFramesPerPoll = 256;
constexpr const char* kMonitor = "inproc://monitor";
constexpr int kMonitored = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CLOSED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                           ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;

}  // namespace

struct DealerChannel::Native {
  zmq::context_t context{1};
  zmq::socket_t dealer;
  zmq::socket_t monitor;
};

DealerChannel::DealerChannel(ChannelOptions options) : options_(options), native_(std::make_unique<Native>()) {}
DealerChannel::~DealerChannel() { close(); }

bool DealerChannel::is_open() const { return static_cast<bool>(native_->dealer); }

void DealerChannel::close() {
  if (!is_open()) return;
  zmq_socket_monitor(native_->dealer.handle(), nullptr, 0);
  native_->monitor.close();
  native_->dealer.close();
}

Status DealerChannel::open(const std::string& endpoint) {
  close();
  try {
    zmq::socket_t dealer(native_->context, zmq::socket_type::dealer);
    dealer.set(zmq::sockopt::linger, 0);
    dealer.set(zmq::sockopt::immediate, true);
    dealer.set(zmq::sockopt::reconnect_ivl, -1);
    dealer.set(zmq::sockopt::connect_timeout, 5'000);
    dealer.set(zmq::sockopt::handshake_ivl, 10'000);
    dealer.set(zmq::sockopt::heartbeat_ivl, static_cast<int>(options_.heartbeat.count()));
    dealer.set(zmq::sockopt::heartbeat_timeout, static_cast<int>((options_.heartbeat_timeout - options_.heartbeat).count()));
    dealer.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(options_.max_message));
    dealer.set(zmq::sockopt::sndhwm, static_cast<int>(options_.queue));
    dealer.set(zmq::sockopt::rcvhwm, static_cast<int>(options_.queue));
    if (zmq_socket_monitor(dealer.handle(), kMonitor, kMonitored) != 0) return fail_errno("cannot watch a socket", errno);
    zmq::socket_t monitor(native_->context, zmq::socket_type::pair);
    monitor.set(zmq::sockopt::linger, 0);
    monitor.connect(kMonitor);
    native_->dealer = std::move(dealer);
    native_->monitor = std::move(monitor);
    native_->dealer.connect(endpoint);
  } catch (const zmq::error_t& e) {
    close();
    return fail(Code::kInvalid, "cannot connect to " + endpoint + ": " + e.what());
  }
  return {};
}

Status DealerChannel::send(std::string_view frame) {
  if (!is_open()) return fail(Code::kUnavailable, "not connected");
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
      if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) events.connected = true;
      else events.lost = true;
      while (message.more() && native_->monitor.recv(message)) {
      }
    }
    if (events.lost) {
      while (native_->dealer.recv(message, zmq::recv_flags::dontwait)) events.frames.emplace_back(message.data<char>(), message.size());
    }
  } catch (const zmq::error_t& e) {
    if (e.num() != EINTR) events.lost = true;
  }
  return events;
}

}  // namespace brine::net
