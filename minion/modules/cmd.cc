#include "minion/modules/cmd.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>

#include "base/file.h"
#include "minion/account.h"
#include "minion/arguments.h"
#include "minion/modules/cmd_options.h"
#include "minion/program_path.h"
#include "minion/words.h"

namespace brine::minion {
namespace {

// What a finished command looks like to users.
struct Finished {
  CommandResult result;
  std::string output;
  std::string errors;
  int retcode = 0;  // of the job
};

std::string stripped(std::string text, bool strip) {
  if (strip) text.erase(text.find_last_not_of(" \t\r\n\v\f") + 1);
  return text;
}

std::string with_note(std::string text, const std::string& note) {
  if (note.empty()) return text;
  if (!text.empty() && !text.ends_with('\n')) text += '\n';
  return text + note;
}

Result<Finished> finish(const Call& call, const CmdOptions& options) {
  BRINE_LET(CommandResult result, run_for_job(call, options.spec));
  Finished done;
  done.retcode = job_retcode(result, options);
  done.output = stripped(std::move(result.output), options.rstrip);
  done.errors = stripped(std::move(result.errors), options.rstrip);
  // Where the two are apart, notes stand with the errors.
  std::string& noted = options.spec.merge_stderr ? done.output : done.errors;
  noted = with_note(std::move(noted), note_of(result, options.spec));
  done.result = std::move(result);
  if (options.raise_err && done.retcode != 0) {
    return fail(Code::kInternal,
                fmt::format("the command ended with {}: {}", done.retcode, done.errors.empty() ? done.output : done.errors));
  }
  return done;
}

Json report_of(const Finished& done) {
  return {{"pid", done.result.pid},
          {"retcode", done.result.retcode},
          {"stdout", bytes_to_json(done.output)},
          {"stderr", bytes_to_json(done.errors)}};
}

Result<Finished> run_cmd(const Call& call, Reading reading, bool merge) {
  BRINE_LET(CmdOptions options, cmd_options(call));
  BRINE_LET(options.spec.argv, command_line(Arguments(call).json("cmd"), options, reading));
  options.spec.merge_stderr = merge;
  return finish(call, options);
}

Result<Outcome> run_merged(const Call& call, Reading reading) {
  BRINE_LET(const Finished done, run_cmd(call, reading, true));
  return Outcome{.value = bytes_to_json(done.output), .retcode = done.retcode};
}

Result<Outcome> run_command_line(const Call& call) { return run_merged(call, Reading::kAsAsked); }
Result<Outcome> shell(const Call& call) { return run_merged(call, Reading::kShell); }

Result<Outcome> run_all(const Call& call) {
  BRINE_LET(const bool merge, Arguments(call).flag("redirect_stderr"));
  BRINE_LET(const Finished done, run_cmd(call, Reading::kAsAsked, merge));
  return Outcome{.value = report_of(done), .retcode = done.retcode};
}

Result<Outcome> run_stdout(const Call& call) {
  BRINE_LET(const Finished done, run_cmd(call, Reading::kAsAsked, false));
  return Outcome{.value = bytes_to_json(done.output), .retcode = done.retcode};
}

Result<Outcome> run_stderr(const Call& call) {
  BRINE_LET(const Finished done, run_cmd(call, Reading::kAsAsked, false));
  return Outcome{.value = bytes_to_json(done.errors), .retcode = done.retcode};
}

Result<Outcome> retcode(const Call& call) {
  BRINE_LET(const Finished done, run_cmd(call, Reading::kAsAsked, true));
  return Outcome{.value = done.result.retcode, .retcode = done.retcode};
}

// A list, or text that is cut into words.
Result<std::vector<std::string>> words_of(const Json& value, std::string_view what) {
  std::vector<std::string> words;
  if (value.is_null()) return words;
  if (!value.is_array()) {
    BRINE_LET(const std::string line, text_of(value, what));
    auto split = split_words(line);
    if (!split) return fail(std::move(split.error()), what);
    return split;
  }
  for (const Json& element : value) {
    BRINE_LET(std::string word, text_of(element, what));
    words.push_back(std::move(word));
  }
  return words;
}

Status check_source(const std::string& source) {
  if (source.starts_with("salt://") || source.starts_with("brine://")) {
    return fail(Code::kUnsupported,
                fmt::format("'{}': this version has no file server; give the absolute path of a script on the minion", source));
  }
  if (source.starts_with('/')) return {};
  return fail(Code::kInvalid, fmt::format("source must be the absolute path of a script on the minion, got '{}'", source));
}

// The interpreter that the #! line of the script names, with its one argument (execve(2)); the shell when there is none.
Result<std::vector<std::string>> interpreter_of(const std::string& source, const std::string& shell_path) {
  constexpr std::size_t kLongestScript = 64U << 20;
  BRINE_LET(const std::string text, read_file(source, kLongestScript));
  if (!text.starts_with("#!")) return std::vector{shell_path};
  const std::string line = text.substr(2, text.find('\n') - 2);
  const std::size_t begin = line.find_first_not_of(" \t");
  if (begin == std::string::npos) return std::vector{shell_path};
  const std::size_t end = line.find_first_of(" \t\r", begin);
  std::vector<std::string> interpreter{line.substr(begin, end - begin)};
  const std::size_t argument = end == std::string::npos ? end : line.find_first_not_of(" \t\r", end);
  if (argument != std::string::npos) interpreter.push_back(stripped(line.substr(argument), true));
  return interpreter;
}

Result<Outcome> script(const Call& call) {
  const Arguments arguments(call);
  BRINE_LET(const std::string source, arguments.text("source"));
  BRINE_TRY(check_source(source));
  BRINE_LET(CmdOptions options, cmd_options(call));
  BRINE_LET(options.spec.argv, interpreter_of(source, options.shell));
  BRINE_LET(const std::vector<std::string> words, words_of(arguments.json("args"), "args"));
  options.spec.argv.push_back(source);
  options.spec.argv.insert(options.spec.argv.end(), words.begin(), words.end());
  BRINE_LET(const Finished done, finish(call, options));
  return Outcome{.value = report_of(done), .retcode = done.retcode};
}

std::string own_path() {
  const char* path = getenv("PATH");
  return path == nullptr ? std::string(kDefaultPath) : path;
}

Result<Outcome> which(const Call& call) {
  BRINE_LET(const std::string name, Arguments(call).text("cmd"));
  const auto found = find_program(name, own_path());
  return Outcome{.value = found ? bytes_to_json(*found) : Json()};
}

Result<Outcome> has_exec(const Call& call) {
  BRINE_LET(const std::string name, Arguments(call).text("cmd"));
  return Outcome{.value = find_program(name, own_path()).has_value()};
}

// A file with the code, which only its user can read; deleted with the object.
class CodeFile {
 public:
  static Result<CodeFile> write(const std::string& code, const std::string& user) {
    CodeFile file;
    const Fd fd(mkostemp(file.path_.data(), O_CLOEXEC));
    if (!fd.valid()) return fail_errno("a file for the code", errno);
    file.exists_ = true;
    BRINE_TRY(write_all(fd.get(), code));
    if (user.empty()) return file;
    BRINE_LET(const Account account, find_account(user));
    if (fchown(fd.get(), account.uid, account.gid) != 0) return fail_errno("a file for the code", errno, Code::kDenied);
    return file;
  }

  CodeFile(CodeFile&& other) noexcept : path_(std::move(other.path_)), exists_(std::exchange(other.exists_, false)) {}
  CodeFile& operator=(CodeFile&&) = delete;
  ~CodeFile() {
    if (exists_) unlink(path_.c_str());
  }

  const std::string& path() const { return path_; }

 private:
  CodeFile() = default;

  std::string path_ = "/tmp/brine-code-XXXXXX";
  bool exists_ = false;
};

Result<Outcome> exec_code(const Call& call) {
  const Arguments arguments(call);
  BRINE_LET(CmdOptions options, cmd_options(call));
  BRINE_LET(options.spec.argv, words_of(arguments.json("lang"), "lang"));
  BRINE_LET(const std::string code, arguments.text("code"));
  BRINE_LET(const std::vector<std::string> words, words_of(arguments.json("args"), "args"));
  BRINE_LET(const CodeFile file, CodeFile::write(code, options.spec.runas));
  options.spec.argv.push_back(file.path());
  options.spec.argv.insert(options.spec.argv.end(), words.begin(), words.end());
  options.spec.merge_stderr = true;
  BRINE_LET(const Finished done, finish(call, options));
  return Outcome{.value = bytes_to_json(done.output), .retcode = done.retcode};
}

std::vector<Parameter> with_cmd_parameters(std::vector<Parameter> first) {
  std::ranges::copy(cmd_parameters(), std::back_inserter(first));
  return first;
}

}  // namespace

void add_cmd_functions(Registry& registry) {
  const auto add = [&registry](std::string name, std::vector<Parameter> first, std::string doc, Result<Outcome> (*body)(const Call&)) {
    registry.add({.name = std::move(name), .parameters = with_cmd_parameters(std::move(first)), .doc = std::move(doc), .body = body});
  };
  const Parameter cmd{.name = "cmd"};
  const Parameter args{.name = "args", .fallback = "null"};
  add("cmd.run", {cmd},
      "Runs a command; gives its output, both streams together.\n\n    brine '*' cmd.run 'ls -l | head -3' cwd=/etc timeout=10",
      run_command_line);
  add("cmd.shell", {cmd}, "As cmd.run, always by a shell.\n\n    brine '*' cmd.shell 'ls -l | head -3' shell=/bin/bash", shell);
  auto all_parameters = with_cmd_parameters({cmd});
  all_parameters.push_back({.name = "redirect_stderr", .fallback = "false"});
  registry.add({.name = "cmd.run_all",
                .parameters = std::move(all_parameters),
                .doc = "Runs a command; gives pid, retcode, stdout and stderr.\n\n    brine '*' cmd.run_all 'ls /nope'",
                .body = run_all});
  add("cmd.run_stdout", {cmd}, "Runs a command; gives its standard output.\n\n    brine '*' cmd.run_stdout 'ls /etc'", run_stdout);
  add("cmd.run_stderr", {cmd}, "Runs a command; gives its standard error.\n\n    brine '*' cmd.run_stderr 'ls /nope'", run_stderr);
  add("cmd.retcode", {cmd},
      "Runs a command; gives its exit status, or -N when it died from signal N.\n\n    brine '*' cmd.retcode 'test -f /etc/hosts'",
      retcode);
  add("cmd.script", {{.name = "source"}, args},
      "Runs a script that lies on the minion; gives pid, retcode, stdout and stderr.\n\n    brine '*' cmd.script /usr/local/sbin/check "
      "args='-v \"two words\"'",
      script);
  add("cmd.exec_code", {{.name = "lang"}, {.name = "code"}, args},
      "Runs code with an interpreter; gives its output.\n\n    brine '*' cmd.exec_code perl 'print \"hello\"'", exec_code);
  const auto look_up = [&registry, &cmd](std::string name, std::string doc, Result<Outcome> (*body)(const Call&)) {
    registry.add({.name = std::move(name), .parameters = {cmd}, .doc = std::move(doc), .repeatable = true, .body = body});
  };
  look_up("cmd.which", "Where a program lies; nothing when it is not in PATH.\n\n    brine '*' cmd.which cat", which);
  look_up("cmd.has_exec", "Whether a program is in PATH.\n\n    brine '*' cmd.has_exec cat", has_exec);
}

}  // namespace brine::minion
