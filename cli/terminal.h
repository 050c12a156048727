// Where a program reads and writes: standard input, output and error; in tests, strings. Confined to one thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/file.h"

namespace brine::cli {

class Terminal {
 public:
  virtual ~Terminal() = default;

  // May be kept back until flush(), ask() or err().
  virtual void out(std::string_view text) = 0;
  virtual void err(std::string_view text) = 0;
  virtual void flush() = 0;

  // Shows the question and reads one line; none at the end of the input.
  virtual std::optional<std::string> ask(std::string_view question) = 0;

  virtual bool out_is_terminal() const = 0;
  virtual bool err_is_terminal() const = 0;
  virtual bool in_is_terminal() const = 0;

  // Becomes readable after Ctrl-C; -1: Ctrl-C ends the process.
  virtual int interrupt_fd() const = 0;
};

// Blocks SIGINT in this thread and those it starts later, and shows it as a descriptor. Made first in main().
class Interrupts {
 public:
  Interrupts();
  int fd() const { return fd_.get(); }

 private:
  Fd fd_;
};

class StandardTerminal final : public Terminal {
 public:
  explicit StandardTerminal(int interrupt_fd = -1) : interrupt_fd_(interrupt_fd) {}
  ~StandardTerminal() override { flush(); }

  void out(std::string_view text) override;
  void err(std::string_view text) override;
  void flush() override;
  std::optional<std::string> ask(std::string_view question) override;
  bool out_is_terminal() const override;
  bool err_is_terminal() const override;
  bool in_is_terminal() const override;
  int interrupt_fd() const override { return interrupt_fd_; }

 private:
  const int interrupt_fd_;
  std::string kept_;
};

}  // namespace brine::cli
