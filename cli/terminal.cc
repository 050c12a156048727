#include "cli/terminal.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>

namespace brine::cli {
namespace {

constexpr std::size_t kKeepBytes = 64U << 10;

}  // namespace

Interrupts::Interrupts() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  fd_.reset(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
}

void StandardTerminal::out(std::string_view text) {
  kept_ += text;
  if (kept_.size() >= kKeepBytes) flush();
}

void StandardTerminal::err(std::string_view text) {
  flush();
  (void)write_all(STDERR_FILENO, text);
}

// Nobody is left to be told when standard output cannot be written.
void StandardTerminal::flush() {
  if (!kept_.empty()) (void)write_all(STDOUT_FILENO, kept_);
  kept_.clear();
}

std::optional<std::string> StandardTerminal::ask(std::string_view question) {
  out(question);
  flush();
  std::string line;
  char c = 0;
  while (true) {
    const ssize_t got = ::read(STDIN_FILENO, &c, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return line.empty() ? std::nullopt : std::optional(line);
    if (c == '\n') return line;
    line.push_back(c);
  }
}

bool StandardTerminal::out_is_terminal() const { return ::isatty(STDOUT_FILENO) == 1; }
bool StandardTerminal::err_is_terminal() const { return ::isatty(STDERR_FILENO) == 1; }
bool StandardTerminal::in_is_terminal() const { return ::isatty(STDIN_FILENO) == 1; }

}  // namespace brine::cli
