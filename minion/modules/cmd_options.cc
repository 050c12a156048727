#include "minion/modules/cmd_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "minion/arguments.h"
#include "minion/program_path.h"
#include "minion/running_jobs.h"
#include "minion/words.h"

namespace brine::minion {
namespace {

Status add_variables(const Json& given, std::map<std::string, std::string>& env) {
  if (given.is_null()) return {};
  if (given.is_array()) {
    for (const Json& element : given) BRINE_TRY(add_variables(element, env));
    return {};
  }
  if (!given.is_object()) return fail(Code::kInvalid, "env must be a map of names to values, as in env='{LANG: C, DEBUG: 1}'");
  for (const auto& [name, value] : given.items()) {
    BRINE_LET(env[name], text_of(value, "a value of env"));
  }
  return {};
}

bool is_about_locale(const std::string& name) { return name.starts_with("LC_") || name == "LANG" || name == "LANGUAGE"; }

// Output that programs can read, as Salt has it; not for those who choose a locale themselves.
void reset_locale(std::map<std::string, std::string>& env) {
  if (std::ranges::any_of(env, [](const auto& variable) { return is_about_locale(variable.first); })) return;
  for (const char* name : {"LC_ALL", "LANG", "LANGUAGE"}) env[name] = "C";
}

void prepend_path(const std::string& folder, CommandSpec& spec) {
  const auto given = spec.env.find("PATH");
  const char* own = std::getenv("PATH");
  std::string path(kDefaultPath);
  if (given != spec.env.end()) {
    path = given->second;
  } else if (!spec.clean_env && own != nullptr) {
    path = own;
  }
  spec.env["PATH"] = folder + ":" + path;
}

Result<CommandSpec> read_environment(const Arguments& arguments, CommandSpec spec) {
  BRINE_TRY(add_variables(arguments.json("env"), spec.env));
  BRINE_LET(spec.clean_env, arguments.flag("clean_env"));
  BRINE_LET(const bool reset, arguments.flag("reset_system_locale"));
  if (reset) reset_locale(spec.env);
  BRINE_LET(const std::string folder, arguments.text("prepend_path"));
  if (!folder.empty()) prepend_path(folder, spec);
  return spec;
}

// Octal, as users of shells write it; YAML has made 022 a 22.
Result<std::optional<mode_t>> read_umask(const Arguments& arguments) {
  if (!arguments.given("umask")) return std::optional<mode_t>();
  BRINE_LET(const std::string text, arguments.text("umask"));
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 8);
  if (error != std::errc() || end != text.data() + text.size() || value > 0777) {
    return fail(Code::kInvalid, fmt::format("umask must be octal, as in 022, got '{}'", text));
  }
  return std::optional<mode_t>(value);
}

Result<std::vector<std::int64_t>> read_success_retcodes(const Arguments& arguments) {
  std::vector<std::int64_t> codes;
  const Json& given = arguments.json("success_retcodes");
  const Json list = given.is_null() ? Json::array() : given.is_array() ? given : Json::array({given});
  for (const Json& code : list) {
    if (!code.is_number_integer())
      return fail(Code::kInvalid, "success_retcodes must be a list of numbers, as in success_retcodes='[1, 3]'");
    codes.push_back(code.get<std::int64_t>());
  }
  return codes;
}

Result<CommandSpec> read_spec(const Call& call) {
  const Arguments arguments(call);
  CommandSpec spec;
  BRINE_LET(spec.cwd, arguments.text("cwd"));
  BRINE_LET(spec.runas, arguments.text("runas"));
  BRINE_LET(spec.umask, read_umask(arguments));
  BRINE_LET(spec.timeout, arguments.duration("timeout"));
  if (arguments.given("stdin")) {
    BRINE_LET(spec.input, arguments.text("stdin"));
  }
  spec.output_max = call.output_max;
  return read_environment(arguments, std::move(spec));
}

Result<std::vector<std::string>> words_in(const Json& list) {
  std::vector<std::string> words;
  for (const Json& element : list) {
    BRINE_LET(std::string word, text_of(element, "a word of the command"));
    words.push_back(std::move(word));
  }
  return words;
}

std::string joined(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + word;
  return line;
}

}  // namespace

std::vector<Parameter> cmd_parameters() {
  return {{.name = "cwd", .fallback = "null"},
          {.name = "stdin", .fallback = "null"},
          {.name = "runas", .fallback = "null"},
          {.name = "shell", .fallback = "\"/bin/sh\""},
          {.name = "python_shell", .fallback = "true"},
          {.name = "env", .fallback = "null"},
          {.name = "clean_env", .fallback = "false"},
          {.name = "umask", .fallback = "null"},
          {.name = "timeout", .fallback = "null"},
          {.name = "rstrip", .fallback = "true"},
          {.name = "ignore_retcode", .fallback = "false"},
          {.name = "success_retcodes", .fallback = "null"},
          {.name = "raise_err", .fallback = "false"},
          {.name = "prepend_path", .fallback = "null"},
          {.name = "reset_system_locale", .fallback = "true"},
          {.name = "output_loglevel", .fallback = "\"debug\""}};
}

Result<CmdOptions> cmd_options(const Call& call) {
  const Arguments arguments(call);
  CmdOptions options;
  BRINE_LET(options.spec, read_spec(call));
  BRINE_LET(options.shell, arguments.text("shell"));
  BRINE_LET(options.python_shell, arguments.flag("python_shell"));
  BRINE_LET(options.rstrip, arguments.flag("rstrip"));
  BRINE_LET(options.ignore_retcode, arguments.flag("ignore_retcode"));
  BRINE_LET(options.raise_err, arguments.flag("raise_err"));
  BRINE_LET(options.success_retcodes, read_success_retcodes(arguments));
  return options;
}

Result<std::vector<std::string>> command_line(const Json& command, const CmdOptions& options, Reading reading) {
  std::vector<std::string> words;
  if (command.is_array()) {
    BRINE_LET(words, words_in(command));
    if (reading == Reading::kAsAsked) return words;
  }
  BRINE_LET(const std::string line, command.is_array() ? Result<std::string>(joined(words)) : text_of(command, "cmd"));
  if (line.find_first_not_of(" \t\r\n") == std::string::npos) return fail(Code::kInvalid, "cmd is empty");
  if (reading == Reading::kShell || options.python_shell) return std::vector{options.shell, std::string("-c"), line};
  auto split = split_words(line);
  if (!split) return fail(std::move(split.error()), "cmd");
  return split;
}

Result<CommandResult> run_for_job(const Call& call, const CommandSpec& spec) {
  CommandHooks hooks;
  hooks.cancelled = call.cancelled.get();
  hooks.started = [&call](const StartedCommand& command) {
    return call.command_started(command) && call.running->begin_command(call.jid, command.pgid);
  };
  hooks.ended = [&call](const StartedCommand& command) { call.running->end_command(call.jid, command.pgid); };
  return run_command(spec, hooks);
}

int job_retcode(const CommandResult& result, const CmdOptions& options) {
  if (result.ending != Ending::kExited) return result.retcode == 0 ? kFailed : result.retcode;
  const bool counts_as_success = std::ranges::find(options.success_retcodes, result.retcode) != options.success_retcodes.end();
  return options.ignore_retcode || counts_as_success ? 0 : result.retcode;
}

std::string note_of(const CommandResult& result, const CommandSpec& spec) {
  const char* signal = result.killed ? "SIGKILL" : "SIGTERM";
  if (result.ending == Ending::kTimedOut) {
    return fmt::format("[brine: timed out after {} s, ended by {}]", static_cast<double>(spec.timeout->count()) / 1000, signal);
  }
  if (result.ending == Ending::kCancelled) return "[brine: ended before its time, as the job was told to end]";
  if (result.left_running) return "[brine: the command ended but left processes that hold its output open; reading stopped]";
  return {};
}

}  // namespace brine::minion
