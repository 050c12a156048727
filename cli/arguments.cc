#include "cli/arguments.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "base/nearest.h"
#include "base/version.h"
#include "config/units.h"

namespace brine::cli {
namespace {

constexpr std::size_t kHelpColumn = 30;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_negative_number(std::string_view word) {
  return word.size() > 1 && word[0] == '-' && (is_digit(word[1]) || (word[1] == '.' && word.size() > 2 && is_digit(word[2])));
}

bool is_option(std::string_view word) { return word.size() > 1 && word[0] == '-' && !is_negative_number(word); }

}  // namespace

// The words of a command line, from the front.
class Options::Words {
 public:
  explicit Words(std::span<const std::string> words) : words_(words) {}
  bool empty() const { return words_.empty(); }
  const std::string& take() {
    const std::string& word = words_.front();
    words_ = words_.subspan(1);
    return word;
  }

 private:
  std::span<const std::string> words_;
};

Options::Options(std::string program, std::string usage, std::string about)
    : program_(std::move(program)), usage_(std::move(usage)), about_(std::move(about)) {}

void Options::option(char letter, std::string name, std::string value_name, std::string help,
                     std::function<Status(std::string_view)> take) {
  options_.push_back({letter, std::move(name), std::move(value_name), std::move(help), std::move(take)});
}

void Options::flag(char letter, std::string name, bool& field, std::string help) {
  option(letter, std::move(name), "", std::move(help), [&field](std::string_view) -> Status {
    field = true;
    return {};
  });
}

void Options::text(char letter, std::string name, std::string value_name, std::string& field, std::string help) {
  option(letter, std::move(name), std::move(value_name), std::move(help), [&field](std::string_view value) -> Status {
    field = value;
    return {};
  });
}

void Options::duration(char letter, std::string name, milliseconds& field, std::string help) {
  option(letter, name, "SECONDS", std::move(help), [&field, name](std::string_view value) -> Status {
    const auto time = config::parse_duration(value);
    if (!time)
      return fail(Code::kInvalid, fmt::format("--{} takes seconds, or a number with a unit such as 10m or 2h, not '{}'", name, value));
    field = *time;
    return {};
  });
}

void Options::count(char letter, std::string name, std::uint32_t& field, std::string help) {
  option(letter, name, "N", std::move(help), [&field, name](std::string_view value) -> Status {
    std::uint32_t number = 0;
    const auto [end, problem] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (problem != std::errc() || end != value.data() + value.size() || number == 0)
      return fail(Code::kInvalid, fmt::format("--{} takes a number of at least 1, not '{}'", name, value));
    field = number;
    return {};
  });
}

void Options::absent(char letter, std::string name) {
  const auto refuse = [name](std::string_view) {
    return fail(Code::kUnsupported, fmt::format("--{} is not available in this version", name));
  };
  options_.push_back({letter, name, "", "", refuse, false});
}

Result<std::vector<std::string>> Options::parse(std::span<const std::string> arguments) const {
  Words words(arguments);
  std::vector<std::string> rest;
  bool ended = false;
  while (!words.empty()) {
    const std::string& word = words.take();
    if (ended || !is_option(word)) {
      rest.push_back(word);
    } else if (word == "--") {
      ended = true;
    } else if (word.starts_with("--")) {
      BRINE_TRY(long_option(words, std::string_view(word).substr(2)));
    } else {
      BRINE_TRY(letters(words, word));
    }
  }
  return rest;
}

Status Options::long_option(Words& words, std::string_view word) const {
  const std::size_t equals = word.find('=');
  const std::string_view name = word.substr(0, equals);
  const auto found = std::ranges::find(options_, name, &Option::name);
  if (found == options_.end()) return std::unexpected(unknown("--" + std::string(name)));
  if (!found->shown) return found->take("");
  if (found->value_name.empty()) {
    if (equals != std::string_view::npos) return fail(Code::kInvalid, fmt::format("--{} takes no value", name));
    return found->take("");
  }
  if (equals != std::string_view::npos) return found->take(word.substr(equals + 1));
  if (words.empty()) return fail(Code::kInvalid, fmt::format("--{} needs a value: {}", name, found->value_name));
  return found->take(words.take());
}

// "-sv", "-t5", "-t 5": flags may be joined, the last one may be an option with its value.
Status Options::letters(Words& words, std::string_view word) const {
  for (std::size_t i = 1; i < word.size(); ++i) {
    const auto found = std::ranges::find(options_, word[i], &Option::letter);
    if (found == options_.end() || word[i] == 0) return std::unexpected(unknown(word));
    if (!found->shown) return found->take("");
    if (found->value_name.empty()) {
      BRINE_TRY(found->take(""));
      continue;
    }
    if (i + 1 < word.size()) return found->take(word.substr(i + 1));
    if (words.empty()) return fail(Code::kInvalid, fmt::format("-{} needs a value: {}", word[i], found->value_name));
    return found->take(words.take());
  }
  return {};
}

Error Options::unknown(std::string_view word) const {
  std::vector<std::string> known;
  for (const Option& option : options_) {
    if (option.shown) known.push_back("--" + option.name);
  }
  std::string message = fmt::format("unknown option '{}'", word);
  const std::string long_form = word.starts_with("--") ? std::string(word) : fmt::format("-{}", word);
  const auto near = word.size() > 2 ? nearest_names(long_form, known, 2) : std::vector<std::string>();
  message += near.empty() ? fmt::format("; {} --help lists them", program_) : fmt::format("; did you mean {}?", fmt::join(near, " or "));
  return {Code::kInvalid, std::move(message)};
}

std::string Options::help() const {
  std::string text = fmt::format("Usage: {}\n\n{}\n\nOptions:\n", usage_, about_);
  for (const Option& option : options_) {
    if (!option.shown) continue;
    std::string names =
        option.letter != 0 ? fmt::format("  -{}, --{}", option.letter, option.name) : fmt::format("      --{}", option.name);
    if (!option.value_name.empty()) names += " " + option.value_name;
    const std::size_t room = names.size() + 2 > kHelpColumn ? 2 : kHelpColumn - names.size();
    text += names + std::string(room, ' ') + option.help + "\n";
  }
  return examples_.empty() ? text : text + "\n" + examples_;
}

void add_common_options(Options& options, Common& common) {
  options.option('c', "config-dir", "DIR", "folder of the configuration (default /etc/brine)", [&common](std::string_view value) -> Status {
    if (common.config_dir_given) {
      common.other_config_dirs.emplace_back(value);
      return {};
    }
    common.config_dir = value;
    common.config_dir_given = true;
    return {};
  });
  options.flag(0, "version", common.version, "show the version");
  options.flag('h', "help", common.help, "show this text");
}

std::string common_answer(const Options& options, const Common& common) {
  if (common.help) return options.help();
  if (common.version) return fmt::format("{} {}\n", options.program(), kVersion);
  return "";
}

}  // namespace brine::cli
