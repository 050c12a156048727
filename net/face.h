// The listening side: ZMTP 3 over tcp and ipc on epoll, in one or more loops, each a thread that owns its connections.
//
// What it promises (DESIGN.md section 4): frames of at most kFrameLimitBeforeAuthentication bytes until a connection is marked
// authenticated, max_message after; one deadline for greeting and handshake; one byte budget for all unauthenticated connections;
// bounded output per connection, a peer that does not read is cut; ZMTP PING after a silence, closed after a longer one; accepting
// pauses at 90 % of the file budget, and the oldest unauthenticated connection makes room first.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/result.h"

namespace brine::net {

inline constexpr std::size_t kFrameLimitBeforeAuthentication = 4096;

// Names a connection for as long as its loop lives; never reused.
struct ConnectionId {
  std::uint64_t value = 0;
  auto operator<=>(const ConnectionId&) const = default;
};

struct Peer {
  std::string address;  // "192.0.2.1:4711" or "ipc:uid:pid"
  std::string network;  // what admission counts by: the /24 or /64, or the address of an ipc peer
  bool local = false;   // ipc: uid is what the kernel tells
  std::uint32_t uid = 0;
};

struct FaceOptions {
  std::string name;  // of the threads: name-0, name-1
  std::size_t loops = 1;
  std::string tcp_interface;   // empty: no tcp
  std::uint16_t tcp_port = 0;  // 0: any free one
  std::string ipc_path;        // empty: no ipc. An old socket at that place is replaced if nobody listens on it.
  mode_t ipc_mode = 0600;
  std::size_t max_message = 16U << 20;
  std::size_t max_output = 32U << 20;              // bytes queued for one peer before it is cut
  std::size_t unauthenticated_budget = 32U << 20;  // bytes of buffers, all unauthenticated connections together
  milliseconds handshake_timeout{10'000};
  milliseconds heartbeat{5'000};           // silence after which we ping
  milliseconds heartbeat_timeout{12'000};  // silence after which we close
  std::size_t file_budget = 0;             // connections of all loops; 0: 90 % of RLIMIT_NOFILE
};

// Numbers for metrics; all loops together. Relaxed atomics.
struct FaceCounters {
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> closed{0};
  std::atomic<std::uint64_t> refused{0};    // closed for breaking the protocol
  std::atomic<std::uint64_t> timed_out{0};  // handshake or heartbeat
  std::atomic<std::uint64_t> cut{0};        // did not read what we sent
  std::atomic<std::uint64_t> evicted{0};    // unauthenticated, made room
  std::atomic<std::uint64_t> accept_pauses{0};
  std::atomic<std::uint64_t> messages_in{0};
  std::atomic<std::uint64_t> messages_out{0};
  std::atomic<std::uint64_t> bytes_in{0};
  std::atomic<std::uint64_t> bytes_out{0};
  std::atomic<std::int64_t> open{0};
  std::atomic<std::int64_t> unauthenticated{0};  // of those that are open
  std::atomic<std::int64_t> unauthenticated_bytes{0};
};

class FaceLoop;

// Gets the events of one loop, on that loop's thread. Implemented by front/. May call any method of FaceLoop.
class FaceHandler {
 public:
  virtual ~FaceHandler() = default;
  virtual void on_open(ConnectionId connection, const Peer& peer) = 0;
  // Asked before an authenticated connection is read. False: reading it pauses until resume_reading().
  virtual bool takes(ConnectionId) { return true; }
  // message lives until the call returns.
  virtual void on_message(ConnectionId connection, std::string_view message) = 0;
  virtual void on_close(ConnectionId connection) = 0;
  // Once per turn of the loop, after all messages of the turn: work that was put off.
  virtual void on_turn() = 0;
  // True if on_turn() has more to do: the loop then does not sleep.
  virtual bool has_work() const = 0;
};

class Face {
 public:
  using MakeHandler = std::function<std::unique_ptr<FaceHandler>(FaceLoop&)>;

  // Binds; threads start with start(). kUnavailable names the address that is in use.
  static Result<std::unique_ptr<Face>> open(const FaceOptions& options, const MakeHandler& make_handler);
  ~Face();

  void start();
  // Stops accepting. Thread-safe.
  void stop_accepting();
  // Runs nothing more; closes everything; joins the threads.
  void stop();

  std::uint16_t tcp_port() const { return tcp_port_; }
  std::size_t loop_count() const { return loops_.size(); }
  FaceLoop& loop(std::size_t index) { return *loops_[index]; }
  const FaceCounters& counters() const { return *counters_; }

 private:
  Face() = default;
  std::shared_ptr<FaceCounters> counters_;
  std::vector<std::unique_ptr<FaceLoop>> loops_;
  std::uint16_t tcp_port_ = 0;
};

}  // namespace brine::net
