#include "cli/brine_run.h"

#include <fmt/format.h>

#include <thread>

#include "cli/event_watch.h"
#include "cli/exit_status.h"
#include "cli/master_settings.h"

namespace brine::cli {
namespace {

constexpr const char* kUsage = "brine-run [options] runner.function [arguments] [name=value]";

constexpr const char* kAbout =
    "Asks the master: about jobs, minions and itself. brine-run -d lists the runners there are.\n"
    "Two run here: state.event prints the master's events as they come, mine.watch what minions publish, and keeps a file and a program "
    "up\n"
    "to date with it.";

constexpr const char* kExamples =
    "Examples:\n"
    "  brine-run jobs.list_jobs\n"
    "  brine-run jobs.lookup_jid 20261123040000000000 --out json\n"
    "  brine-run manage.status\n"
    "  brine-run state.event 'brine/job/*' count=10 pretty=True\n"
    "  brine-run mine.watch 'web*' addr\n"
    "  brine-run mine.watch 'web*' addr --template backends.tpl --output-file /etc/haproxy/backends.cfg --exec 'systemctl reload haproxy'\n"
    "  brine-run -d jobs\n"
    "\n"
    "Exit status: 0 the runner succeeded, 1 it failed or there is none of that name, 4 usage or connection, 130 Ctrl-C.\n";

Options declare(RunCommand& command, bool& doc) {
  Options options("brine-run", kUsage, kAbout);
  add_output_options(options, command.output);
  options.flag('d', "doc", doc, "show the documentation of all runners, or of those whose name begins so");
  options.text(0, "exec", "COMMAND", command.mine.exec, "mine.watch: run this when something has changed");
  options.text(0, "template", "FILE", command.mine.template_file, "mine.watch: fill in this template (docs/mine.md)");
  options.text(0, "output-file", "FILE", command.mine.output_file, "mine.watch: and write this file with it");
  options.absent(0, "async");
  add_common_options(options, command.common);
  options.examples(kExamples);
  return options;
}

int say(Terminal& terminal, const Error& error) {
  terminal.err("brine-run: " + error.message + "\n");
  return kUsageOrConnection;
}

int run_events(const RunCommand& command, const MasterSettings& settings, Terminal& terminal) {
  const auto watch = read_event_watch(command.arguments);
  if (!watch) return say(terminal, watch.error());
  const auto subscriber = net::EventSubscriber::open(settings.event_socket);
  if (!subscriber) return say(terminal, subscriber.error());
  return watch_events(*watch, [&](milliseconds longest) { return (*subscriber)->receive(longest); }, terminal);
}

// Opens the bus, and opens it again when the master was not there.
NextEvent events_of(const std::string& socket) {
  auto subscriber = std::make_shared<std::unique_ptr<net::EventSubscriber>>();
  return [socket, subscriber](milliseconds longest) -> Result<std::optional<net::Event>> {
    if (!*subscriber) {
      auto opened = net::EventSubscriber::open(socket);
      if (opened) *subscriber = std::move(*opened);
    }
    if (*subscriber) return (*subscriber)->receive(longest);
    std::this_thread::sleep_for(longest);
    return std::optional<net::Event>();
  };
}

int run_mine_watch(const RunCommand& command, const MasterSettings& settings, Terminal& terminal) {
  const auto watch = read_mine_watch(command.arguments, command.mine);
  if (!watch) return say(terminal, watch.error());
  const SystemClock clock;
  return watch_mine(*watch, {ask_over(settings.operator_sockets, terminal.interrupt_fd()), events_of(settings.event_socket), clock},
                    terminal);
}

}  // namespace

Result<RunCommand> read_run_command(std::span<const std::string> words) {
  RunCommand command;
  bool doc = false;
  const Options options = declare(command, doc);
  BRINE_LET(std::vector<std::string> rest, options.parse(words));
  command.answer = common_answer(options, command.common);
  if (!command.answer.empty()) return command;
  if (doc) rest.insert(rest.begin(), "sys.doc");
  if (rest.empty()) return fail(Code::kInvalid, "a runner is missing; for example: brine-run manage.status (brine-run -d lists them)");
  command.runner = rest[0];
  if (command.runner != "mine.watch" && !command.mine.empty())
    return fail(Code::kInvalid, "--exec, --template and --output-file are options of mine.watch");
  BRINE_LET(command.arguments, read_function_arguments(std::span(rest).subspan(1)));
  return command;
}

int run_runner(const RunCommand& command, const AskMaster& ask, Terminal& terminal) {
  const auto answer = ask(command.runner, command.arguments.text());
  if (!answer) {
    say(terminal, answer.error());
    return answer.error().code == Code::kTimeout ? kInterrupted : kUsageOrConnection;
  }
  if (const auto* error = std::get_if<Error>(&*answer)) {
    say(terminal, *error);
    return error->code == Code::kDenied ? kUsageOrConnection : kFunctionFailed;
  }
  terminal.out(command.output.printer(terminal).value(std::get<Json>(*answer)));
  terminal.flush();
  return kSucceeded;
}

int run_brine_run(std::span<const std::string> words, Terminal& terminal) {
  const auto command = read_run_command(words);
  if (!command) return say(terminal, command.error());
  if (!command->answer.empty()) {
    terminal.out(command->answer);
    return kSucceeded;
  }
  const auto settings = read_master_settings(command->common);
  if (!settings) return say(terminal, settings.error());
  if (command->runner == "state.event") return run_events(*command, *settings, terminal);
  if (command->runner == "mine.watch") return run_mine_watch(*command, *settings, terminal);
  return run_runner(*command, ask_over(settings->operator_sockets, terminal.interrupt_fd()), terminal);
}

}  // namespace brine::cli
