#include "minion/command.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <memory>

#include "base/file.h"
#include "minion/account.h"
#include "minion/command_child.h"
#include "minion/command_watch.h"
#include "minion/program_path.h"

extern char** environ;

namespace brine::minion {
namespace {

struct Pipe {
  Fd read;
  Fd write;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> fds{};
  if (pipe2(fds.data(), O_CLOEXEC) != 0) return fail_errno("a pipe for the command", errno);
  return Pipe{Fd(fds[0]), Fd(fds[1])};
}

// A file in memory rather than a pipe: it needs no writer, and a command that does not read it hurts nobody.
Result<Fd> open_input(const std::optional<std::string>& input) {
  Fd fd(input ? memfd_create("stdin", MFD_CLOEXEC) : open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return fail_errno("standard input of the command", errno);
  if (!input) return fd;
  BRINE_TRY(write_all(fd.get(), *input));
  if (lseek(fd.get(), 0, SEEK_SET) != 0) return fail_errno("standard input of the command", errno);
  return fd;
}

bool is_folder(const std::string& path) {
  struct stat info{};
  return stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

std::map<std::string, std::string> environment_of(const CommandSpec& spec, const std::optional<Account>& user) {
  std::map<std::string, std::string> all;
  for (char** entry = environ; !spec.clean_env && entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos) all[std::string(text.substr(0, equals))] = text.substr(equals + 1);
  }
  if (user) {
    all["HOME"] = user->home;
    all["USER"] = user->name;
    all["LOGNAME"] = user->name;
    all["SHELL"] = user->shell;
  }
  for (const auto& [name, value] : spec.env) all[name] = value;
  return all;
}

std::vector<char*> pointers_to(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (std::string& text : strings) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

Status check_text(const std::string& text, std::string_view what) {
  if (text.find('\0') == std::string::npos) return {};
  return fail(Code::kInvalid, fmt::format("{} has a NUL byte in it", what));
}

Status check_texts(const CommandSpec& spec) {
  if (spec.argv.empty()) return fail(Code::kInvalid, "the command is empty");
  for (const std::string& argument : spec.argv) BRINE_TRY(check_text(argument, "an argument of the command"));
  for (const auto& [name, value] : spec.env) {
    if (name.empty() || name.find('=') != std::string::npos) return fail(Code::kInvalid, fmt::format("'{}' cannot name a variable", name));
    BRINE_TRY(check_text(name + value, "the environment"));
  }
  BRINE_TRY(check_text(spec.cwd, "cwd"));
  return check_text(spec.runas, "runas");
}

Result<std::optional<Account>> user_of(const CommandSpec& spec) {
  if (spec.runas.empty()) return std::optional<Account>();
  BRINE_LET(Account account, find_account(spec.runas));
  if (geteuid() != 0 && account.uid != geteuid()) {
    return fail(Code::kDenied, fmt::format("runas '{}' needs a minion that runs as root", spec.runas));
  }
  return std::optional(std::move(account));
}

// Everything that the child needs, made before the fork.
class Launch {
 public:
  static Result<std::unique_ptr<Launch>> prepare(const CommandSpec& spec) {
    BRINE_TRY(check_texts(spec));
    auto launch = std::make_unique<Launch>();
    BRINE_LET(launch->user_, user_of(spec));
    BRINE_TRY(launch->prepare_folder(spec));
    BRINE_TRY(launch->prepare_program(spec));
    BRINE_TRY(launch->open_descriptors(spec));
    launch->fill_plan(spec);
    return launch;
  }

  const std::string& program() const { return program_; }
  const std::string& cwd() const { return cwd_; }

  // The child's pid; it waits at the gate.
  Result<pid_t> fork_child();
  void open_gate();
  // Closes the parent's copies of what the child has.
  void close_child_ends();

  Pipe output;
  Pipe errors;
  Pipe report;
  Pipe gate;

 private:
  Status prepare_folder(const CommandSpec& spec) {
    if (!spec.cwd.empty() && !is_folder(spec.cwd)) {
      return fail(Code::kInvalid, fmt::format("cwd '{}' is not a folder on this machine", spec.cwd));
    }
    cwd_ = spec.cwd;
    if (cwd_.empty() && user_) cwd_ = user_->home;
    if (cwd_.empty()) {
      const auto own = own_account();
      cwd_ = own ? own->home : "/";
    }
    return {};
  }

  Status prepare_program(const CommandSpec& spec) {
    const auto all = environment_of(spec, user_);
    const auto path = all.find("PATH");
    BRINE_LET(program_, find_program(spec.argv.front(), path == all.end() ? kDefaultPath : std::string_view(path->second)));
    argv_ = spec.argv;
    for (const auto& [name, value] : all) env_.emplace_back(name).append("=").append(value);
    return {};
  }

  Status open_descriptors(const CommandSpec& spec) {
    BRINE_LET(input_, open_input(spec.input));
    BRINE_LET(output, make_pipe());
    if (!spec.merge_stderr) {
      BRINE_LET(errors, make_pipe());
    }
    BRINE_LET(report, make_pipe());
    BRINE_LET(gate, make_pipe());
    return {};
  }

  void fill_plan(const CommandSpec& spec) {
    argv_pointers_ = pointers_to(argv_);
    env_pointers_ = pointers_to(env_);
    plan_ = {.program = program_.c_str(),
             .argv = argv_pointers_.data(),
             .envp = env_pointers_.data(),
             .cwd = cwd_.c_str(),
             .cwd_required = !spec.cwd.empty(),
             .set_umask = spec.umask.has_value(),
             .umask = spec.umask.value_or(0),
             .input = input_.get(),
             .output = output.write.get(),
             .errors = spec.merge_stderr ? output.write.get() : errors.write.get(),
             .gate = gate.read.get(),
             .report = report.write.get()};
    if (user_ && user_->uid != geteuid()) {
      plan_.change_user = true;
      plan_.uid = user_->uid;
      plan_.gid = user_->gid;
      plan_.groups = user_->groups.data();
      plan_.group_count = user_->groups.size();
    }
  }

  std::optional<Account> user_;
  std::string program_;
  std::string cwd_;
  std::vector<std::string> argv_;
  std::vector<std::string> env_;
  std::vector<char*> argv_pointers_;
  std::vector<char*> env_pointers_;
  Fd input_;
  ChildPlan plan_;
};

Result<pid_t> Launch::fork_child() {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = fork();
  if (pid == 0) run_child(plan_);
  const int error = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return fail_errno("fork", error);
  return pid;
}

void Launch::close_child_ends() {
  input_.reset();
  output.write.reset();
  errors.write.reset();
  report.write.reset();
  gate.read.reset();
}

void Launch::open_gate() {
  const char go = 1;
  // No SIGPIPE: a child that was killed at the gate is seen by whoever waits for it.
  sigset_t pipe_signal;
  sigset_t before;
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  const bool broken = write(gate.write.get(), &go, 1) < 0 && errno == EPIPE;
  const timespec at_once{};
  if (broken && sigismember(&before, SIGPIPE) == 0) sigtimedwait(&pipe_signal, nullptr, &at_once);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  gate.write.reset();
}

bool read_report(int fd, ChildReport& report) {
  ssize_t got = 0;
  do {
    got = read(fd, &report, sizeof report);
  } while (got < 0 && errno == EINTR);
  return got == static_cast<ssize_t>(sizeof report);
}

std::unexpected<Error> refused_by(const ChildReport& report, const CommandSpec& spec, const Launch& launch) {
  switch (report.stage) {
    case ChildStage::kFolder: return fail_errno(fmt::format("cannot enter cwd '{}'", launch.cwd()), report.error, Code::kDenied);
    case ChildStage::kExec:
      if (report.error == ENOEXEC) return fail(Code::kDenied, fmt::format("'{}' is no program and has no #! line", launch.program()));
      return fail_errno(fmt::format("cannot run '{}'", launch.program()), report.error, Code::kDenied);
    default: return fail_errno(fmt::format("cannot become user '{}'", spec.runas), report.error, Code::kDenied);
  }
}

void reap(pid_t pid) {
  while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

// Waits until the child stands at its gate, tells the journal, lets it go.
Status let_go(Launch& launch, const CommandHooks& hooks, StartedCommand& command) {
  ChildReport ready;
  if (!read_report(launch.report.read.get(), ready))
    return fail(Code::kUnavailable, "the command ended before it began (no file descriptor was left, or it was killed)");
  command.start_ticks = start_ticks_of(command.pgid);
  if (!hooks.started(command)) {
    return fail(Code::kUnavailable, "the command was not started: the job was told to end, or its record could not be written");
  }
  launch.open_gate();
  return {};
}

}  // namespace

std::uint64_t start_ticks_of(pid_t pid) {
  const auto stat = read_file(fmt::format("/proc/{}/stat", pid), 64U << 10);
  if (!stat) return 0;
  // The name in field 2 may hold anything, blanks and parentheses too: fields are counted from its last parenthesis.
  std::size_t at = stat->rfind(')');
  for (int field = 2; field < 22 && at != std::string::npos; ++field) at = stat->find(' ', at + 1);
  if (at == std::string::npos) return 0;
  std::uint64_t ticks = 0;
  std::from_chars(stat->data() + at + 1, stat->data() + stat->size(), ticks);
  return ticks;
}

Result<CommandResult> run_command(const CommandSpec& spec, const CommandHooks& hooks) {
  BRINE_LET(const std::unique_ptr<Launch> launch, Launch::prepare(spec));
  BRINE_LET(const pid_t pid, launch->fork_child());
  launch->close_child_ends();
  StartedCommand command{.pgid = pid};
  if (auto gone = let_go(*launch, hooks, command); !gone) {
    launch->gate.write.reset();
    hooks.ended(command);
    reap(pid);
    return std::unexpected(std::move(gone.error()));
  }
  CommandWatch watch(pid, std::move(launch->output.read), std::move(launch->errors.read), spec, hooks.cancelled);
  watch.wait_for_end();
  ChildReport report;
  const bool refused = read_report(launch->report.read.get(), report);
  hooks.ended(command);
  reap(pid);
  if (refused) return refused_by(report, spec, *launch);
  return watch.take_result();
}

}  // namespace brine::minion
