#include "loadtest/operator_line.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "wire/frame.h"

namespace brine::loadtest {
namespace {

Result<wire::OperatorReply> decode(std::string_view bytes) {
  BRINE_LET(const wire::Frame frame, wire::parse_frame(bytes));
  if (frame.type != wire::FrameType::kOperatorReply) return fail(Code::kInvalid, "not an operator reply");
  return wire::decode_reply(frame.body);
}

}  // namespace

Status OperatorLine::connect(const std::string& path, MonoTime now) {
  close();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return fail(Code::kInvalid, "the socket path " + path + " is longer than 107 bytes");
  std::memcpy(address.sun_path, path.data(), path.size());
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) return fail_errno("cannot make a socket", errno);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail_errno("cannot connect to " + path, errno);
  socket_ = std::move(socket);
  stream_.emplace(options_, now);
  return write();
}

void OperatorLine::close() {
  socket_.reset();
  stream_.reset();
  watched_ = 0;
  frames_.clear();
}

bool OperatorLine::submit(const wire::Submit& submit) {
  return stream_ && stream_->queue(wire::encode_request(submit)) && write().has_value();
}

Status OperatorLine::on_ready(std::deque<wire::OperatorReply>& replies, MonoTime now) {
  if (!stream_) return {};
  const Status ended = read(now);
  for (; !frames_.empty(); frames_.pop_front()) {
    BRINE_LET(wire::OperatorReply reply, decode(frames_.front()));
    replies.push_back(std::move(reply));
  }
  BRINE_TRY(ended);
  return write();
}

Status OperatorLine::read(MonoTime now) {
  std::array<char, 64U << 10> buffer;
  while (true) {
    const ssize_t got = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (got == 0) return fail(Code::kUnavailable, "the master has closed the connection");
    if (got < 0) {
      if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return {};
      return fail_errno("the connection to the master is lost", errno);
    }
    const auto size = static_cast<std::size_t>(got);
    BRINE_TRY(stream_->take({buffer.data(), size}, frames_, now));
    if (size < buffer.size()) return {};
  }
}

Status OperatorLine::write() {
  while (!stream_->waiting().empty()) {
    const std::string_view bytes = stream_->waiting();
    const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      stream_->written(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      break;
    } else if (errno != EINTR) {
      return fail_errno("the connection to the master is lost", errno);
    }
  }
  watch(stream_->waiting().empty() ? EPOLLIN : EPOLLIN | EPOLLOUT);
  return {};
}

Status OperatorLine::beat(MonoTime now) {
  if (!stream_) return {};
  BRINE_TRY(stream_->beat(now));
  return write();
}

void OperatorLine::watch(std::uint32_t events) {
  if (events == watched_) return;
  epoll_event event{.events = events, .data = {.u64 = mark_}};
  ::epoll_ctl(epoll_, watched_ == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, socket_.get(), &event);
  watched_ = events;
}

}  // namespace brine::loadtest
