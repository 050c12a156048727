// Events on this machine: publish/subscribe over ipc (libzmq XPUB and SUB). One event is two frames: tag, JSON text.
//
// Slow subscribers lose events beyond their bound, nobody waits for them; sockets are made under umask 077.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace brine::net {

// Thread-safe.
class EventPublisher {
 public:
  // queue: events kept for one subscriber. kUnavailable when the path cannot be had.
  static Result<std::unique_ptr<EventPublisher>> open(const std::string& ipc_path, std::size_t queue);
  ~EventPublisher();

  // False while nobody listens: the caller need not make the text. May lag behind a new subscriber by a quarter of a second.
  bool has_subscribers();
  void publish(std::string_view tag, std::string json);

 private:
  struct Native;
  explicit EventPublisher(std::unique_ptr<Native> native);
  void take_subscriptions();

  std::mutex mutex_;
  std::unique_ptr<Native> native_;  // guarded by mutex_
  std::atomic<int> subscriptions_{0};
  std::atomic<MonoTime> looked_{};
};

struct Event {
  std::string tag;
  std::string json;
};

// Confined to one thread.
class EventSubscriber {
 public:
  // kUnavailable when there is no such socket: no master is running there.
  static Result<std::unique_ptr<EventSubscriber>> open(const std::string& ipc_path);
  ~EventSubscriber();

  // The next event, or none within the time.
  Result<std::optional<Event>> receive(milliseconds longest);

 private:
  struct Native;
  explicit EventSubscriber(std::unique_ptr<Native> native);
  std::unique_ptr<Native> native_;
};

}  // namespace brine::net
