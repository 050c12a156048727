// The minion's side of the transport: one libzmq DEALER socket per session, over tcp or ipc.
//
// A session is bound to one connection: no automatic reconnect, linger 0, nothing is taken before poll() has told that the
// connection stands. A send that returned proves nothing.
// Half-open links are noticed by ZMTP heartbeats. Confined to the thread that polls it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace brine::net {

struct ChannelOptions {
  milliseconds heartbeat{5'000};
  milliseconds heartbeat_timeout{12'000};
  std::size_t max_message = 16U << 20;
  std::size_t queue = 1'000;  // messages each way
};

class DealerChannel {
 public:
  explicit DealerChannel(ChannelOptions options);
  ~DealerChannel();

  // Ends what was open before. endpoint: "tcp://host:port" or "ipc:///path". kInvalid for one that cannot be.
  Status open(const std::string& endpoint);
  void close();
  bool is_open() const;
  // kFull when the socket takes nothing now: the queue is full, or the connection does not stand.
  Status send(std::string_view frame);

  struct Events {
    bool connected = false;
    bool lost = false;
    bool woken = false;  // the extra descriptor is readable
    std::vector<std::string> frames;
  };
  // Waits for something, at most this long. wake_fd (-1: none) is watched too. Frames that came before a loss are delivered with it.
  Events poll(int wake_fd, milliseconds longest);

 private:
  struct Native;
  const ChannelOptions options_;
  std::unique_ptr<Native> native_;
};

}  // namespace brine::net
