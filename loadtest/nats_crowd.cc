#include "loadtest/nats_crowd.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

#include "loadtest/link_settings.h"

namespace brine::loadtest {
namespace {

constexpr std::size_t kOpeningAtOnce = 256;
constexpr milliseconds kOpenAgain{20};
constexpr seconds kSilence{30};
constexpr std::string_view kAll = "all";
constexpr std::string_view kInbox = "answers.";  // and a tag

MonoTime now() { return std::chrono::steady_clock::now(); }

std::string subject_of(std::size_t member) { return "m." + std::to_string(member); }

void publish(std::string& out, std::string_view subject, std::string_view reply) {
  static const std::string kRest = " " + std::to_string(NatsCrowd::kPayload) + "\r\n" + std::string(NatsCrowd::kPayload, 'x') + "\r\n";
  out.append("PUB ").append(subject);
  if (!reply.empty()) out.append(" ").append(reply);
  out.append(kRest);
}

void raise_file_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

microseconds since(MonoTime begin) { return std::chrono::duration_cast<microseconds>(now() - begin); }

}  // namespace

NatsCrowd::NatsCrowd(std::uint16_t port, std::uint32_t count) : port_(port), peers_(count + 1) {}

Status NatsCrowd::start() {
  raise_file_limit();
  epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_.valid()) return fail_errno("cannot make an epoll set", errno);
  return {};
}

// ---- connections -----------------------------------------------------------------------------------------------------------

Status NatsCrowd::connect(seconds patience) {
  while (turn(milliseconds(0)) > 0) {  // what was lost while nobody looked
  }
  const MonoTime give_up = now() + patience;
  while (!all_ready()) {
    reopen(now());
    turn(milliseconds(5));
    if (now() > give_up) {
      return fail(Code::kTimeout,
                  std::to_string(ready_) + " of " + std::to_string(peers_.size()) + " connections are open; last: " + lost_);
    }
  }
  lost_.clear();
  return {};
}

void NatsCrowd::reopen(MonoTime at) {
  for (std::size_t i = 0; i < peers_.size() && opening_ < kOpeningAtOnce; ++i) {
    Peer& peer = peers_[i];
    if (peer.socket.valid() || at < peer.open_at) continue;
    if (!open(i)) peer.open_at = at + kOpenAgain;
  }
}

bool NatsCrowd::open(std::size_t index) {
  Peer& peer = peers_[index];
  peer.socket.reset(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(peer.socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(peer.socket.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  sockaddr_in from{};
  from.sin_family = AF_INET;
  from.sin_addr = source_address(static_cast<std::uint32_t>(index));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port_);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  epoll_event event{.events = EPOLLIN, .data = {.u64 = index}};
  const bool begun = ::bind(peer.socket.get(), reinterpret_cast<const sockaddr*>(&from), sizeof from) == 0 &&
                     (::connect(peer.socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0 || errno == EINPROGRESS) &&
                     ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, peer.socket.get(), &event) == 0;
  if (!begun) {
    lost_ = fail_errno("cannot connect", errno).error().message;
    peer.socket.reset();
    return false;
  }
  ++opening_;
  return true;
}

void NatsCrowd::close(std::size_t index, std::string why) {
  Peer& peer = peers_[index];
  --(peer.ready ? ready_ : opening_);
  peer = Peer{.socket = {}, .reader = {}, .out = {}, .open_at = now() + kOpenAgain};
  lost_ = std::move(why);
}

void NatsCrowd::greet(std::size_t index) {
  std::string& out = peers_[index].out;
  out += R"(CONNECT {"verbose":false,"pedantic":false,"lang":"c++","version":"0"})"
         "\r\n";
  if (&peers_[index] == &asker()) {
    out.append("SUB ").append(kInbox).append("* 1\r\n");
  } else {
    out.append("SUB ").append(subject_of(index)).append(" 1\r\nSUB ").append(kAll).append(" 2\r\n");
  }
  out += "PING\r\n";
}

// ---- events ----------------------------------------------------------------------------------------------------------------

int NatsCrowd::turn(milliseconds wait) {
  std::array<epoll_event, 512> events;
  const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), static_cast<int>(wait.count()));
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    serve(static_cast<std::size_t>(event.data.u64), event.events);
  }
  return count;
}

void NatsCrowd::serve(std::size_t index, std::uint32_t events) {
  if (!peers_[index].socket.valid()) return;
  if ((events & EPOLLOUT) == 0 || (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read(index);
  if (peers_[index].socket.valid()) flush(index);
}

void NatsCrowd::read(std::size_t index) {
  Peer& peer = peers_[index];
  const ssize_t got = ::recv(peer.socket.get(), buffer_.data(), buffer_.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0)
    return close(index, got == 0 ? "the server ended the connection" : fail_errno("the connection ended", errno).error().message);
  peer.reader.add({buffer_.data(), static_cast<std::size_t>(got)});
  while (true) {
    const auto event = peer.reader.next();
    if (!event) return close(index, event.error().message);
    if (!*event) return;
    if ((*event)->kind == NatsEvent::Kind::kError) return close(index, "the server said: " + std::string((*event)->text));
    take(index, **event);
  }
}

void NatsCrowd::take(std::size_t index, const NatsEvent& event) {
  Peer& peer = peers_[index];
  switch (event.kind) {
    case NatsEvent::Kind::kInfo: return peer.ready ? void() : greet(index);
    case NatsEvent::Kind::kPing: peer.out += "PONG\r\n"; return;
    case NatsEvent::Kind::kPong:
      if (!peer.ready) --opening_, ++ready_;
      peer.ready = true;
      return;
    case NatsEvent::Kind::kMessage: break;
    default: return;
  }
  if (&peer != &asker()) return publish(peer.out, event.reply, {});
  ++answers_;
  ++answers_by_tag_[std::stoul(std::string(event.subject.substr(kInbox.size()))) % kTags];
}

void NatsCrowd::flush(std::size_t index) {
  Peer& peer = peers_[index];
  if (peer.out.empty()) return;
  const ssize_t sent = ::send(peer.socket.get(), peer.out.data(), peer.out.size(), MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN && errno != EINTR) return close(index, fail_errno("cannot send", errno).error().message);
  if (sent > 0) peer.out.erase(0, static_cast<std::size_t>(sent));
  if (peer.blocked == !peer.out.empty()) return;
  peer.blocked = !peer.out.empty();
  epoll_event event{.events = peer.blocked ? EPOLLIN | EPOLLOUT : EPOLLIN, .data = {.u64 = index}};
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, peer.socket.get(), &event);
}

// ---- questions -------------------------------------------------------------------------------------------------------------

void NatsCrowd::ask(std::string_view subject, std::uint64_t tag) {
  answers_by_tag_[tag % kTags] = 0;
  publish(asker().out, subject, std::string(kInbox) + std::to_string(tag % kTags));
  flush(peers_.size() - 1);
}

template <typename Done>
Status NatsCrowd::until(Done done) {
  while (!done()) {
    if (turn(std::chrono::duration_cast<milliseconds>(kSilence)) == 0) {
      return fail(Code::kTimeout, "nothing was heard for " + std::to_string(kSilence.count()) + " s");
    }
    if (!all_ready()) return fail(Code::kUnavailable, "a connection was lost: " + lost_);
  }
  return {};
}

Status NatsCrowd::request(std::uint64_t count, LatencyHistogram& latency) {
  for (std::uint64_t i = 0; i < count; ++i) {
    const MonoTime begin = now();
    ask(subject_of(random_() % (peers_.size() - 1)), i);
    BRINE_TRY(until([&] { return answers_by_tag_[i % kTags] == 1; }));
    latency.record(since(begin));
  }
  return {};
}

Status NatsCrowd::fan(std::uint64_t count, std::uint64_t at_once, LatencyHistogram& latency) {
  const std::uint64_t members = peers_.size() - 1;
  std::vector<MonoTime> begun;
  for (std::uint64_t ended = 0; ended < count; ++ended) {
    for (; begun.size() < count && begun.size() < ended + at_once; ask(kAll, begun.size() - 1)) begun.push_back(now());
    BRINE_TRY(until([&] { return answers_by_tag_[ended % kTags] == members; }));
    latency.record(since(begun[ended]));
  }
  return {};
}

Result<std::uint64_t> NatsCrowd::flood(seconds length, std::uint64_t at_once) {
  const std::uint64_t members = peers_.size() - 1;
  const std::uint64_t before = answers_;
  const MonoTime end = now() + length;
  std::uint64_t asked = 0;
  for (std::uint64_t ended = 0; ended < asked || now() < end; ++ended) {
    while (now() < end && asked < ended + at_once) ask(kAll, asked++);
    if (asked == ended) break;
    BRINE_TRY(until([&] { return answers_by_tag_[ended % kTags] == members; }));
  }
  return answers_ - before;
}

}  // namespace brine::loadtest
