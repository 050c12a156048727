// A terminal that is strings.
#pragma once

#include <sys/eventfd.h>

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "cli/terminal.h"

namespace brine::cli {

class FakeTerminal final : public Terminal {
 public:
  void out(std::string_view text) override { show(shown_out, text); }
  void err(std::string_view text) override { show(shown_err, text); }
  void flush() override { ++flushes; }
  std::optional<std::string> ask(std::string_view question) override {
    questions.emplace_back(question);
    if (lines.empty()) return std::nullopt;
    std::string line = lines.front();
    lines.pop_front();
    return line;
  }
  bool out_is_terminal() const override { return out_terminal; }
  bool err_is_terminal() const override { return err_terminal; }
  bool in_is_terminal() const override { return in_terminal; }
  int interrupt_fd() const override { return interrupt; }

  std::string shown_out;
  std::string shown_err;
  std::vector<std::string> questions;
  std::deque<std::string> lines;  // what the user types
  bool out_terminal = false;
  bool err_terminal = false;
  bool in_terminal = false;
  int interrupt = -1;
  int flushes = 0;
  std::string ctrl_c_at;  // the user types Ctrl-C when this is shown; interrupt is an eventfd then

 private:
  void show(std::string& where, std::string_view text) {
    where += text;
    if (!ctrl_c_at.empty() && text.find(ctrl_c_at) != std::string_view::npos) ::eventfd_write(interrupt, 1);
  }
};

}  // namespace brine::cli
