// One loop of a Face: an epoll set, its connections, its thread.
#pragma once

#include <sys/epoll.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "net/face.h"
#include "net/zmtp.h"

namespace brine::net {

// Confined to its thread, but for post(), which any thread may call.
class FaceLoop {
 public:
  FaceLoop(const FaceOptions& options, std::size_t index, std::shared_ptr<FaceCounters> counters);
  ~FaceLoop();

  // ---- for the handler, on the loop's thread ----

  // Queues one message. False if the connection is gone, or is cut now because its output is over the bound.
  bool send(ConnectionId connection, std::string_view message);
  // Closes after what is queued has been written (at most a second), or at once.
  void close(ConnectionId connection, bool flush = true);
  // Raises the frame limit to max_message and lifts the handshake's deadline.
  void authenticated(ConnectionId connection);
  // Back-pressure: nothing is read from this peer until resumed.
  void pause_reading(ConnectionId connection);
  void resume_reading(ConnectionId connection);
  std::size_t index() const { return index_; }

  // ---- for any thread ----

  // Runs task on the loop's thread, in order. Tasks posted after stop() are dropped.
  void post(std::function<void()> task);

  // ---- for Face ----

  void set_handler(std::unique_ptr<FaceHandler> handler) { handler_ = std::move(handler); }
  void add_listener(Fd fd, bool local);
  void set_siblings(std::vector<FaceLoop*> siblings) { siblings_ = std::move(siblings); }
  void start();
  void stop_accepting();
  void stop();

 private:
  struct Connection {
    Connection(Fd socket, Peer from, std::size_t frame_limit, MonoTime now)
        : fd(std::move(socket)), peer(std::move(from)), reader(frame_limit), opened(now), heard(now) {}
    Fd fd;
    Peer peer;
    ZmtpReader reader;
    std::string out;
    std::size_t written = 0;  // of out
    MonoTime opened;
    MonoTime heard;
    MonoTime pinged{};
    MonoTime close_by{};        // set: closing, once out is written or then
    std::size_t accounted = 0;  // bytes in the unauthenticated budget
    bool authenticated = false;
    bool reading = true;
    bool wants_write = false;
    bool dirty = false;  // in dirty_
  };
  struct Listener {
    Fd fd;
    bool local = false;
    bool active = false;
  };

  void run();
  void run_tasks();
  void accept_from(Listener& listener);
  void adopt(Fd fd, Peer peer);
  void read_from(ConnectionId id, Connection& connection);
  void flush_dirty();
  bool flush(ConnectionId id, Connection& connection);
  void watch(ConnectionId id, Connection& connection);
  void drop(ConnectionId id, std::atomic<std::uint64_t>* reason, std::string_view why);
  void account(Connection& connection);
  void mark_dirty(ConnectionId id, Connection& connection);
  void sweep(MonoTime now);
  bool sweep_one(ConnectionId id, Connection& connection, MonoTime now);
  bool make_room();
  void set_listening(bool on);
  Connection* find(ConnectionId id);

  const FaceOptions options_;
  const std::size_t index_;
  const std::size_t file_budget_;
  const std::shared_ptr<FaceCounters> counters_;
  Fd epoll_;
  Fd wake_;
  std::unique_ptr<FaceHandler> handler_;
  std::vector<FaceLoop*> siblings_;
  std::size_t next_sibling_ = 0;
  std::vector<Listener> listeners_;
  bool accepting_ = true;
  bool listening_ = false;
  std::unordered_map<std::uint64_t, std::unique_ptr<Connection>> connections_;
  std::map<std::uint64_t, bool> unauthenticated_;  // by id: the oldest first
  std::vector<std::uint64_t> dirty_;
  std::vector<std::uint64_t> doomed_;  // to be dropped at the end of the turn
  std::uint64_t next_id_ = 1;
  std::vector<char> read_buffer_;
  MonoTime next_sweep_{};

  std::mutex tasks_mutex_;
  std::vector<std::function<void()>> tasks_;  // guarded by tasks_mutex_
  bool woken_ = false;                        // guarded by tasks_mutex_
  std::atomic<bool> stopping_{false};
  std::jthread thread_;
};

}  // namespace brine::net
