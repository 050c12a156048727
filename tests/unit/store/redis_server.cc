#include "tests/unit/store/redis_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

#include "base/file.h"

namespace brine::store {
namespace {

// Debian's redis-server is this file under another name.
constexpr const char* kProgram = "/usr/bin/redis-check-rdb";
constexpr const char* kName = "redis-server";

std::uint16_t free_port() {
  const Fd socket(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("there is no free port");
  return ntohs(address.sin_port);
}

// Reads what it says until it serves, then nobody reads any more: its log goes nowhere.
void wait_until_it_serves(int output) {
  std::string said;
  std::array<char, 4096> buffer;
  while (said.find("Ready to accept connections") == std::string::npos) {
    const ssize_t size = ::read(output, buffer.data(), buffer.size());
    if (size <= 0) throw std::runtime_error("redis-server does not start: " + said);
    said.append(buffer.data(), static_cast<std::size_t>(size));
  }
}

}  // namespace

RedisServer::RedisServer(std::vector<std::string> arguments) : arguments_(std::move(arguments)), port_(free_port()) { start(); }

RedisServer::~RedisServer() {
  if (pid_ > 0) kill();
}

void RedisServer::start() {
  std::vector<std::string> words{kName,
                                 "--port",
                                 std::to_string(port_),
                                 "--bind",
                                 "127.0.0.1",
                                 "--unixsocket",
                                 path(),
                                 "--dir",
                                 folder_.path(),
                                 "--daemonize",
                                 "no",
                                 "--appendonly",
                                 "yes",
                                 "--save",
                                 "",
                                 "--appendfsync",
                                 "always",
                                 "--logfile",
                                 ""};
  words.insert(words.end(), arguments_.begin(), arguments_.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) throw std::runtime_error("there is no pipe");
  const Fd output(pipe[0]);
  Fd input(pipe[1]);
  pid_ = ::fork();
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::signal(SIGPIPE, SIG_IGN);
    ::dup2(input.get(), STDOUT_FILENO);
    ::execv(kProgram, argv.data());
    ::_exit(127);
  }
  input.reset();
  wait_until_it_serves(output.get());
}

void RedisServer::kill() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void RedisServer::pause() {
  ::kill(pid_, SIGSTOP);
  int status = 0;
  ::waitpid(pid_, &status, WUNTRACED);
}

void RedisServer::resume() { ::kill(pid_, SIGCONT); }

}  // namespace brine::store
