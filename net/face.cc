#include "net/face.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "net/face_loop.h"

namespace brine::net {
namespace {

constexpr int kBacklog = 4096;

Result<Fd> listen_tcp(const std::string& interface, std::uint16_t port, std::uint16_t& bound) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (::getaddrinfo(interface.c_str(), std::to_string(port).c_str(), &hints, &found) != 0)
    return fail(Code::kInvalid, "interface: '" + interface + "' is not an address; use one like 0.0.0.0, :: or 127.0.0.1");
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> address(found, ::freeaddrinfo);
  Fd fd(::socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return fail_errno("cannot make a socket", errno);
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd.get(), address->ai_addr, address->ai_addrlen) != 0 || ::listen(fd.get(), kBacklog) != 0)
    return fail_errno("cannot listen on " + interface + ":" + std::to_string(port), errno);
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&name), &size);
  bound =
      ntohs(name.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(name).sin6_port : reinterpret_cast<sockaddr_in&>(name).sin_port);
  return fd;
}

// A socket file is left behind by a killed daemon; it is replaced unless somebody answers on it. Anything else is left alone.
Status clear_stale(const sockaddr_un& address) {
  const std::string place = std::string("cannot listen on ") + address.sun_path;
  struct stat info{};
  if (::lstat(address.sun_path, &info) != 0) return {};
  if (!S_ISSOCK(info.st_mode)) return fail(Code::kUnavailable, place + ": there is a file of that name that is no socket");
  const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 || errno == EAGAIN)
    return fail(Code::kUnavailable, place + ": another process is listening there");
  if (errno != ECONNREFUSED) return fail_errno(place, errno);
  ::unlink(address.sun_path);
  return {};
}

Result<Fd> listen_ipc(const std::string& path, mode_t mode) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return fail(Code::kInvalid, "the path of a socket has at most 107 characters: " + path + "; choose a shorter sock_dir");
  std::memcpy(address.sun_path, path.c_str(), path.size());
  BRINE_TRY(clear_stale(address));
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return fail_errno("cannot make a socket", errno);
  const mode_t before = ::umask(0777 & ~mode);
  const int bound = ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int error = errno;
  ::umask(before);
  if (bound != 0) return fail_errno("cannot listen on " + path, error);
  if (::listen(fd.get(), kBacklog) != 0) return fail_errno("cannot listen on " + path, errno);
  return fd;
}

}  // namespace

Result<std::unique_ptr<Face>> Face::open(const FaceOptions& options, const MakeHandler& make_handler) {
  std::unique_ptr<Face> face(new Face);
  face->counters_ = std::make_shared<FaceCounters>();
  std::vector<FaceLoop*> siblings;
  for (std::size_t i = 0; i < options.loops; ++i) {
    face->loops_.push_back(std::make_unique<FaceLoop>(options, i, face->counters_));
    face->loops_.back()->set_handler(make_handler(*face->loops_.back()));
    siblings.push_back(face->loops_.back().get());
  }
  FaceLoop& first = *face->loops_.front();
  first.set_siblings(std::move(siblings));
  if (!options.tcp_interface.empty()) {
    BRINE_LET(Fd fd, listen_tcp(options.tcp_interface, options.tcp_port, face->tcp_port_));
    first.add_listener(std::move(fd), false);
  }
  if (!options.ipc_path.empty()) {
    BRINE_LET(Fd fd, listen_ipc(options.ipc_path, options.ipc_mode));
    first.add_listener(std::move(fd), true);
  }
  return face;
}

Face::~Face() { stop(); }

void Face::start() {
  for (const auto& loop : loops_) loop->start();
}

void Face::stop_accepting() { loops_.front()->stop_accepting(); }

void Face::stop() {
  for (const auto& loop : loops_) loop->stop();
}

}  // namespace brine::net
