// Options of a program, declared once: reading them, messages about them and the help text follow from the declaration.
//
// Options may stand before, between and after the other words: `-t 5`, `-t5`, `--timeout 5`, `--timeout=5`, `-sv`. "--" ends them; a
// negative number is no option. Values go to the variables named in the declaration, which must outlive the parser.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace brine::cli {

class Options {
 public:
  // usage: the first line of the help text; about: what the program does, below it.
  Options(std::string program, std::string usage, std::string about);

  // letter 0: none.
  void flag(char letter, std::string name, bool& field, std::string help);
  void text(char letter, std::string name, std::string value_name, std::string& field, std::string help);
  // Seconds, or a number with a unit: "5", "0.5", "10m", "2h".
  void duration(char letter, std::string name, milliseconds& field, std::string help);
  // At least 1.
  void count(char letter, std::string name, std::uint32_t& field, std::string help);
  // Calls take with the value, or with "" for an option that has none (value_name empty).
  void option(char letter, std::string name, std::string value_name, std::string help, std::function<Status(std::string_view)> take);
  // An option that Salt users know and this version has not: not in the help text, and refused by name.
  void absent(char letter, std::string name);
  // Appended to the help text as it is.
  void examples(std::string text) { examples_ = std::move(text); }

  // The words that are no options, in their order. kInvalid with the nearest known name for one that is unknown.
  Result<std::vector<std::string>> parse(std::span<const std::string> arguments) const;

  std::string help() const;
  const std::string& program() const { return program_; }

 private:
  struct Option {
    char letter = 0;
    std::string name;
    std::string value_name;
    std::string help;
    std::function<Status(std::string_view)> take;
    bool shown = true;
  };
  class Words;

  Status long_option(Words& words, std::string_view word) const;
  Status letters(Words& words, std::string_view word) const;
  Error unknown(std::string_view word) const;

  std::string program_;
  std::string usage_;
  std::string about_;
  std::string examples_;
  std::vector<Option> options_;
};

// What every program has. parse_common() has answered --help and --version itself when it returns a status.
struct Common {
  bool help = false;
  bool version = false;
  std::string config_dir = "/etc/brine";
  std::vector<std::string> other_config_dirs;  // of masters to turn to when that one does not serve
  bool config_dir_given = false;
};
void add_common_options(Options& options, Common& common);

// The text to print on standard output for --help or --version; empty: neither was asked for.
std::string common_answer(const Options& options, const Common& common);

}  // namespace brine::cli
