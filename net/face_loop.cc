#include "net/face_loop.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/log.h"
#include "base/thread.h"

namespace brine::net {
namespace {

constexpr std::size_t kReadBuffer = 256U << 10;
constexpr std::size_t kReadPerTurn = 64U << 10;
constexpr int kEventsPerTurn = 512;
constexpr int kAcceptsPerTurn = 128;
constexpr milliseconds kSweepEvery{250};
constexpr milliseconds kFlushBeforeClose{1000};
constexpr std::size_t kKeepOutput = 4096;

// epoll data: connection ids are below kListenerMark; the wake descriptor is kWakeMark.
constexpr std::uint64_t kWakeMark = UINT64_MAX;
constexpr std::uint64_t kListenerMark = UINT64_MAX - 16;

std::size_t default_file_budget() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<std::size_t>(limit.rlim_cur) / 10 * 9;
}

// POLLHUP and POLLERR always count.
bool is_ready(int fd, short events) {
  pollfd item{.fd = fd, .events = events, .revents = 0};
  return ::poll(&item, 1, 0) > 0;
}

Peer describe_tcp(const sockaddr_storage& from) {
  Peer peer;
  char text[INET6_ADDRSTRLEN] = {};
  if (from.ss_family == AF_INET) {
    const auto& address = reinterpret_cast<const sockaddr_in&>(from);
    inet_ntop(AF_INET, &address.sin_addr, text, sizeof text);
    peer.address = std::string(text) + ":" + std::to_string(ntohs(address.sin_port));
    peer.network = std::string(text).substr(0, std::string(text).rfind('.')) + ".0/24";
  } else {
    const auto& address = reinterpret_cast<const sockaddr_in6&>(from);
    inet_ntop(AF_INET6, &address.sin6_addr, text, sizeof text);
    peer.address = "[" + std::string(text) + "]:" + std::to_string(ntohs(address.sin6_port));
    peer.network.assign(reinterpret_cast<const char*>(&address.sin6_addr), 8);
  }
  return peer;
}

Peer describe_ipc(int fd) {
  Peer peer;
  ucred credentials{};
  socklen_t size = sizeof credentials;
  ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size);
  peer.local = true;
  peer.uid = credentials.uid;
  peer.address = "ipc:" + std::to_string(credentials.uid) + ":" + std::to_string(credentials.pid);
  peer.network = peer.address;
  return peer;
}

}  // namespace

FaceLoop::FaceLoop(const FaceOptions& options, std::size_t index, std::shared_ptr<FaceCounters> counters)
    : options_(options),
      index_(index),
      file_budget_(options.file_budget != 0 ? options.file_budget : default_file_budget()),
      counters_(std::move(counters)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      read_buffer_(kReadBuffer) {
  epoll_event event{.events = EPOLLIN, .data = {.u64 = kWakeMark}};
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event);
}

FaceLoop::~FaceLoop() { stop(); }

FaceLoop::Connection* FaceLoop::find(ConnectionId id) {
  const auto found = connections_.find(id.value);
  return found == connections_.end() ? nullptr : found->second.get();
}

// ---- for the handler -------------------------------------------------------------------------------------------------------

bool FaceLoop::send(ConnectionId id, std::string_view message) {
  Connection* connection = find(id);
  if (connection == nullptr || connection->close_by != MonoTime{}) return false;
  if (connection->out.size() - connection->written + message.size() > options_.max_output) {
    counters_->cut.fetch_add(1, std::memory_order_relaxed);
    log::warning("{}: {} does not read what is sent to it; closing", options_.name, connection->peer.address);
    doomed_.push_back(id.value);
    return false;
  }
  append_zmtp_message(connection->out, message);
  counters_->messages_out.fetch_add(1, std::memory_order_relaxed);
  mark_dirty(id, *connection);
  return true;
}

void FaceLoop::close(ConnectionId id, bool flush_first) {
  Connection* connection = find(id);
  if (connection == nullptr) return;
  if (!flush_first) {
    doomed_.push_back(id.value);
    return;
  }
  connection->close_by = std::chrono::steady_clock::now() + kFlushBeforeClose;
  connection->reading = false;
  mark_dirty(id, *connection);
}

void FaceLoop::authenticated(ConnectionId id) {
  Connection* connection = find(id);
  if (connection == nullptr) return;
  connection->authenticated = true;
  connection->reader.set_frame_limit(options_.max_message);
  if (unauthenticated_.erase(id.value) > 0) counters_->unauthenticated.fetch_sub(1, std::memory_order_relaxed);
  account(*connection);
}

void FaceLoop::pause_reading(ConnectionId id) {
  if (Connection* connection = find(id)) {
    connection->reading = false;
    watch(id, *connection);
  }
}

void FaceLoop::resume_reading(ConnectionId id) {
  if (Connection* connection = find(id); connection != nullptr && connection->close_by == MonoTime{}) {
    connection->reading = true;
    connection->heard = std::chrono::steady_clock::now();
    watch(id, *connection);
  }
}

void FaceLoop::post(std::function<void()> task) {
  bool wake = false;
  {
    std::lock_guard lock(tasks_mutex_);
    tasks_.push_back(std::move(task));
    wake = !std::exchange(woken_, true);
  }
  if (wake) ::eventfd_write(wake_.get(), 1);
}

// ---- life ------------------------------------------------------------------------------------------------------------------

void FaceLoop::add_listener(Fd fd, bool local) { listeners_.push_back({std::move(fd), local}); }

void FaceLoop::start() {
  thread_ = start_thread(options_.name + "-" + std::to_string(index_), [this](std::stop_token) { run(); });
}

void FaceLoop::stop_accepting() {
  post([this] {
    accepting_ = false;
    set_listening(false);
    for (Listener& listener : listeners_) listener.fd.reset();
    listeners_.clear();
  });
}

void FaceLoop::stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  ::eventfd_write(wake_.get(), 1);
  thread_.join();
}

void FaceLoop::run() {
  std::vector<epoll_event> events(kEventsPerTurn);
  set_listening(true);
  while (!stopping_) {
    const int timeout = handler_->has_work() ? 0 : static_cast<int>(kSweepEvery.count());
    const int count = ::epoll_wait(epoll_.get(), events.data(), kEventsPerTurn, timeout);
    for (int i = 0; i < count; ++i) {
      const std::uint64_t mark = events[static_cast<std::size_t>(i)].data.u64;
      if (mark == kWakeMark) continue;
      if (mark >= kListenerMark) {
        if (listening_) accept_from(listeners_[static_cast<std::size_t>(mark - kListenerMark)]);
        continue;
      }
      const ConnectionId id{mark};
      Connection* connection = find(id);
      if (connection == nullptr) continue;
      const std::uint32_t what = events[static_cast<std::size_t>(i)].events;
      if ((what & EPOLLOUT) != 0) mark_dirty(id, *connection);
      if ((what & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLRDHUP)) != 0) read_from(id, *connection);
    }
    run_tasks();
    handler_->on_turn();
    flush_dirty();
    const MonoTime now = std::chrono::steady_clock::now();
    if (now >= next_sweep_) {
      next_sweep_ = now + kSweepEvery;
      sweep(now);
    }
  }
  // What was posted before stop() still goes out, as far as the kernel takes it.
  run_tasks();
  flush_dirty();
  while (!connections_.empty()) drop(ConnectionId{connections_.begin()->first}, nullptr, "");
}

void FaceLoop::run_tasks() {
  std::vector<std::function<void()>> tasks;
  {
    std::lock_guard lock(tasks_mutex_);
    if (woken_) {
      eventfd_t ignored = 0;
      ::eventfd_read(wake_.get(), &ignored);
      woken_ = false;
    }
    tasks.swap(tasks_);
  }
  for (const auto& task : tasks) task();
}

// ---- connections -----------------------------------------------------------------------------------------------------------

void FaceLoop::set_listening(bool on) {
  on = on && accepting_;
  for (std::size_t i = 0; i < listeners_.size(); ++i) {
    Listener& listener = listeners_[i];
    if (listener.active == on) continue;
    epoll_event event{.events = EPOLLIN, .data = {.u64 = kListenerMark + i}};
    ::epoll_ctl(epoll_.get(), on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, listener.fd.get(), &event);
    listener.active = on;
  }
  if (!on && listening_ && accepting_) counters_->accept_pauses.fetch_add(1, std::memory_order_relaxed);
  listening_ = on;
}

void FaceLoop::accept_from(Listener& listener) {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    const bool full = static_cast<std::size_t>(std::max<std::int64_t>(0, counters_->open.load(std::memory_order_relaxed))) >= file_budget_;
    if (full && !is_ready(listener.fd.get(), POLLIN)) return;  // nobody waits: nobody has to make room
    if (full && !make_room()) {
      log::warning("{}: {} connections are open, the file budget is used up; accepting pauses", options_.name, file_budget_);
      set_listening(false);
      return;
    }
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    Fd fd(::accept4(listener.fd.get(), reinterpret_cast<sockaddr*>(&from), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd.valid()) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        if (!make_room()) set_listening(false);
      }
      return;
    }
    counters_->accepted.fetch_add(1, std::memory_order_relaxed);
    counters_->open.fetch_add(1, std::memory_order_relaxed);
    Peer peer = listener.local ? describe_ipc(fd.get()) : describe_tcp(from);
    FaceLoop* target = siblings_.empty() ? this : siblings_[next_sibling_++ % siblings_.size()];
    if (target == this) {
      adopt(std::move(fd), std::move(peer));
    } else {
      auto shared = std::make_shared<Fd>(std::move(fd));
      target->post([target, shared, peer = std::move(peer)]() mutable { target->adopt(std::move(*shared), std::move(peer)); });
    }
  }
}

void FaceLoop::adopt(Fd fd, Peer peer) {
  if (!peer.local) {
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  const ConnectionId id{next_id_++};
  epoll_event event{.events = EPOLLIN | EPOLLRDHUP, .data = {.u64 = id.value}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd.get(), &event) != 0) {
    counters_->open.fetch_sub(1, std::memory_order_relaxed);
    return;
  }
  auto connection =
      std::make_unique<Connection>(std::move(fd), std::move(peer), kFrameLimitBeforeAuthentication, std::chrono::steady_clock::now());
  connection->out = zmtp_server_opening();
  Connection& adopted = *connection;
  connections_.emplace(id.value, std::move(connection));
  unauthenticated_.emplace(id.value, true);
  counters_->unauthenticated.fetch_add(1, std::memory_order_relaxed);
  mark_dirty(id, adopted);
  handler_->on_open(id, adopted.peer);
}

void FaceLoop::read_from(ConnectionId id, Connection& connection) {
  if (!connection.reading) {
    // Only errors and hang-ups wake a connection that is not read. What it had sent before is dropped: a session ends with its connection.
    if (is_ready(connection.fd.get(), 0) || connection.close_by != MonoTime{}) drop(id, nullptr, "");
    return;
  }
  if (connection.authenticated && !handler_->takes(id)) return pause_reading(id);
  const ssize_t count = ::read(connection.fd.get(), read_buffer_.data(), connection.authenticated ? read_buffer_.size() : kReadPerTurn);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) return drop(id, nullptr, "");
  counters_->bytes_in.fetch_add(static_cast<std::uint64_t>(count), std::memory_order_relaxed);
  connection.heard = std::chrono::steady_clock::now();
  const std::size_t output = connection.out.size();
  const auto fed =
      connection.reader.feed({read_buffer_.data(), static_cast<std::size_t>(count)}, connection.out, [&](std::string_view message) {
        counters_->messages_in.fetch_add(1, std::memory_order_relaxed);
        handler_->on_message(id, message);
        return connection.close_by == MonoTime{};
      });
  if (!fed) return drop(id, &counters_->refused, fed.error().message);
  if (connection.out.size() != output) mark_dirty(id, connection);
  if (connection.out.size() - connection.written > options_.max_output)
    return drop(id, &counters_->cut, "does not read what is sent to it");
  account(connection);
  if (!connection.authenticated &&
      counters_->unauthenticated_bytes.load(std::memory_order_relaxed) > static_cast<std::int64_t>(options_.unauthenticated_budget))
    drop(id, &counters_->refused, "the byte budget of unauthenticated connections is used up");
}

// Keeps the shared sum of what unauthenticated connections hold.
void FaceLoop::account(Connection& connection) {
  const std::size_t held = connection.authenticated ? 0 : connection.reader.pending_bytes() + connection.out.capacity();
  counters_->unauthenticated_bytes.fetch_add(static_cast<std::int64_t>(held) - static_cast<std::int64_t>(connection.accounted),
                                             std::memory_order_relaxed);
  connection.accounted = held;
}

void FaceLoop::mark_dirty(ConnectionId id, Connection& connection) {
  if (std::exchange(connection.dirty, true)) return;
  dirty_.push_back(id.value);
}

void FaceLoop::flush_dirty() {
  std::vector<std::uint64_t> dirty;
  dirty.swap(dirty_);
  for (const std::uint64_t value : dirty) {
    const ConnectionId id{value};
    Connection* connection = find(id);
    if (connection == nullptr) continue;
    connection->dirty = false;
    if (!flush(id, *connection)) doomed_.push_back(value);
  }
  std::vector<std::uint64_t> doomed;
  doomed.swap(doomed_);
  for (const std::uint64_t value : doomed) drop(ConnectionId{value}, nullptr, "");
}

// False when the connection is over.
bool FaceLoop::flush(ConnectionId id, Connection& connection) {
  while (connection.written < connection.out.size()) {
    const ssize_t count = ::send(connection.fd.get(), connection.out.data() + connection.written,
                                 connection.out.size() - connection.written, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) break;
    if (count < 0) return false;
    connection.written += static_cast<std::size_t>(count);
    counters_->bytes_out.fetch_add(static_cast<std::uint64_t>(count), std::memory_order_relaxed);
  }
  const bool done = connection.written == connection.out.size();
  if (done) {
    connection.written = 0;
    connection.out.clear();
    if (connection.out.capacity() > kKeepOutput) std::string().swap(connection.out);
  }
  if (!connection.authenticated) account(connection);
  if (done && connection.close_by != MonoTime{}) return false;
  if (connection.wants_write == done || !connection.reading) {
    connection.wants_write = !done;
    watch(id, connection);
  }
  return true;
}

void FaceLoop::watch(ConnectionId id, Connection& connection) {
  epoll_event event{.events = (connection.reading ? static_cast<std::uint32_t>(EPOLLIN | EPOLLRDHUP) : 0U) |
                              (connection.wants_write ? static_cast<std::uint32_t>(EPOLLOUT) : 0U),
                    .data = {.u64 = id.value}};
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, connection.fd.get(), &event);
}

void FaceLoop::drop(ConnectionId id, std::atomic<std::uint64_t>* reason, std::string_view why) {
  const auto found = connections_.find(id.value);
  if (found == connections_.end()) return;
  if (reason != nullptr) reason->fetch_add(1, std::memory_order_relaxed);
  if (!why.empty()) log::debug("{}: closing {}: {}", options_.name, found->second->peer.address, why);
  const std::unique_ptr<Connection> connection = std::move(found->second);
  connections_.erase(found);
  if (unauthenticated_.erase(id.value) > 0) counters_->unauthenticated.fetch_sub(1, std::memory_order_relaxed);
  counters_->unauthenticated_bytes.fetch_sub(static_cast<std::int64_t>(connection->accounted), std::memory_order_relaxed);
  counters_->closed.fetch_add(1, std::memory_order_relaxed);
  counters_->open.fetch_sub(1, std::memory_order_relaxed);
  handler_->on_close(id);
}

// Closes the oldest connection that has not authenticated. False if there is none here.
bool FaceLoop::make_room() {
  if (unauthenticated_.empty()) return false;
  drop(ConnectionId{unauthenticated_.begin()->first}, &counters_->evicted, "made room for a newer connection");
  return true;
}

void FaceLoop::sweep(MonoTime now) {
  std::vector<std::uint64_t> over;
  for (auto& [value, connection] : connections_) {
    if (!sweep_one(ConnectionId{value}, *connection, now)) over.push_back(value);
  }
  for (const std::uint64_t value : over) {
    const bool closing = connections_.at(value)->close_by != MonoTime{};
    drop(ConnectionId{value}, closing ? nullptr : &counters_->timed_out, closing ? "" : "no sign of life in time");
  }
  flush_dirty();
  if (!listening_ && accepting_ &&
      static_cast<std::size_t>(std::max<std::int64_t>(0, counters_->open.load(std::memory_order_relaxed))) <
          file_budget_ - file_budget_ / 50)
    set_listening(true);
}

// False when the connection's time is over.
bool FaceLoop::sweep_one(ConnectionId id, Connection& connection, MonoTime now) {
  if (connection.close_by != MonoTime{}) return now < connection.close_by;
  if (!connection.authenticated && now - connection.opened >= options_.handshake_timeout) return false;
  if (!connection.reading) return true;
  const auto silence = now - connection.heard;
  if (silence >= options_.heartbeat_timeout) return false;
  if (connection.reader.opened() && silence >= options_.heartbeat && now - connection.pinged >= options_.heartbeat) {
    connection.pinged = now;
    append_zmtp_ping(connection.out, options_.heartbeat_timeout);
    mark_dirty(id, connection);
  }
  return true;
}

}  // namespace brine::net
