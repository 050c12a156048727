#include "loadtest/swarm_link.h"

#include <netinet/tcp.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>

namespace brine::loadtest {
namespace {

constexpr std::size_t kSlowReads = 4;  // a second
constexpr int kSmallBuffer = 4'096;
constexpr std::uint32_t kOff = 0;

void set(int fd, int level, int option, int value) { ::setsockopt(fd, level, option, &value, sizeof value); }

}  // namespace

void SwarmLink::connect(std::string_view endpoint, MonoTime now) {
  disconnect();
  ++generation_;
  stream_.emplace(settings_.stream, now);
  connecting_ = true;
  failed_ = !open(endpoint);
}

bool SwarmLink::open(std::string_view endpoint) {
  const auto found = settings_.destinations.find(endpoint);
  if (found == settings_.destinations.end()) return false;
  const Destination& to = found->second;
  socket_.reset(::socket(to.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket_.valid()) return false;
  set(socket_.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  if (bytes_per_second_ > 0) set(socket_.get(), SOL_SOCKET, SO_RCVBUF, kSmallBuffer);
  if (settings_.source_ips) {
    // The port is chosen when both ends are known: each source address has all ports to each master.
    set(socket_.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    sockaddr_in from{};
    from.sin_family = AF_INET;
    from.sin_addr = source_address(number_);
    if (::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0) return false;
  }
  if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&to.address), to.size) != 0 && errno != EINPROGRESS) return false;
  watch(EPOLLOUT);
  return true;
}

void SwarmLink::disconnect() {
  if (!stream_) return;
  ++generation_;
  if (hole_until_) {
    settings_.abandoned.emplace_back(*hole_until_, std::move(socket_));
  } else if (!suspended_ && !connecting_) {
    write();  // a goodbye that fits goes out; nobody waits for what does not
  }
  socket_.reset();
  stream_.reset();
  watched_ = kOff;
  connecting_ = told_connected_ = failed_ = false;
  hole_until_.reset();
}

void SwarmLink::reset() {
  const linger at_once{1, 0};
  if (socket_.valid()) ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  if (stream_) stream_->discard();
  disconnect();
}

void SwarmLink::black_hole(MonoTime until) {
  if (!socket_.valid() || connecting_) return;
  hole_until_ = until;
  watch(kOff);
}

void SwarmLink::read_slowly(std::size_t bytes_per_second) {
  bytes_per_second_ = static_cast<std::uint32_t>(std::min<std::size_t>(bytes_per_second, UINT32_MAX));
  if (socket_.valid() && bytes_per_second_ > 0) set(socket_.get(), SOL_SOCKET, SO_RCVBUF, kSmallBuffer);
}

void SwarmLink::suspend() {
  suspended_ = true;
  watch(kOff);
}

void SwarmLink::resume() { suspended_ = false; }

// ---- events ----------------------------------------------------------------------------------------------------------------

SwarmLink::Events SwarmLink::on_ready(std::uint32_t events, std::deque<std::string>& frames, MonoTime now) {
  Events result;
  if (!socket_.valid() || watched_ == kOff) return result;
  if (connecting_) result = finish_connecting(now);
  if (result.lost || connecting_) return result;
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLRDHUP)) != 0) result.lost = !read(frames, now);
  if (stream_->ready() && !told_connected_) result.connected = told_connected_ = true;
  return result;
}

SwarmLink::Events SwarmLink::finish_connecting(MonoTime) {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) return {.lost = true};
  connecting_ = false;
  return {};
}

// What has come before the end is taken first.
bool SwarmLink::read(std::deque<std::string>& frames, MonoTime now) {
  const std::size_t most = read_at_once(now);
  if (most == 0) return (watched_ & EPOLLIN) != 0;
  while (true) {
    const ssize_t got = ::recv(socket_.get(), settings_.read_buffer.data(), most, 0);
    if (got < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
    if (got == 0) return false;
    const auto size = static_cast<std::size_t>(got);
    if (!stream_->take({settings_.read_buffer.data(), size}, frames, now)) return false;
    if (bytes_per_second_ > 0) {
      read_again_ = now + microseconds(1'000'000 * size / bytes_per_second_);
      return true;
    }
    if (size < most) return true;
  }
}

std::size_t SwarmLink::read_at_once(MonoTime now) const {
  if (bytes_per_second_ == 0) return settings_.read_buffer.size();
  if (now < read_again_) return 0;
  return std::clamp<std::size_t>(bytes_per_second_ / kSlowReads, 1, settings_.read_buffer.size());
}

SwarmLink::Events SwarmLink::look(MonoTime now) {
  if (!stream_) return {};
  if (failed_ || !stream_->beat(now)) return {.lost = true};
  return {};
}

MonoTime SwarmLink::next_look() const {
  if (!stream_) return MonoTime::max();
  if (failed_) return MonoTime::min();
  const bool slow = bytes_per_second_ > 0 && (watched_ & EPOLLIN) == 0 && !connecting_ && !hole_until_;
  return slow ? std::min(stream_->next_beat(), read_again_) : stream_->next_beat();
}

// ---- writing ---------------------------------------------------------------------------------------------------------------

void SwarmLink::settle() {
  if (!stream_ || suspended_) return;
  if (hole_until_) return stream_->discard();
  if (!socket_.valid() || connecting_) return;
  if (!write()) failed_ = true;
  watch(wanted(std::chrono::steady_clock::now()));
}

bool SwarmLink::write() {
  while (!stream_->waiting().empty()) {
    const std::string_view bytes = stream_->waiting();
    const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
    stream_->written(static_cast<std::size_t>(sent));
  }
  return true;
}

std::uint32_t SwarmLink::wanted(MonoTime now) const {
  const std::uint32_t in = bytes_per_second_ > 0 && now < read_again_ ? 0U : EPOLLIN;
  const std::uint32_t out = stream_->waiting().empty() ? 0U : EPOLLOUT;
  // Never nothing: the end of the connection is to be seen.
  return (in | out) != 0 ? in | out : EPOLLRDHUP;
}

void SwarmLink::watch(std::uint32_t events) {
  if (!socket_.valid() || events == watched_) return;
  const int operation = watched_ == kOff ? EPOLL_CTL_ADD : events == kOff ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
  epoll_event event{.events = events, .data = {.u64 = mark_}};
  ::epoll_ctl(settings_.epoll, operation, socket_.get(), &event);
  watched_ = events;
}

}  // namespace brine::loadtest
