#include "cli/brine_run.h"

#include <fmt/format.h>

#include "cli/event_watch.h"
#include "cli/exit_status.h"
#include "cli/master_settings.h"

namespace brine::cli {
namespace {

constexpr const char* kUsage = "brine-run [options] runner.function [arguments] [name=value]";

constexpr const char* kAbout =
    "Asks the master: about jobs, minions and itself. brine-run -d lists the runners there are.\n"
    "state.event is the one that runs here: it prints the master's events as they come.";

constexpr const char* kExamples =
    "Examples:\n"
    "  brine-run jobs.list_jobs\n"
    "  brine-run jobs.lookup_jid 20261123040000000000 --out json\n"
    "  brine-run manage.status\n"
    "  brine-run state.event 'brine/job/*' count=10 pretty=True\n"
    "  brine-run -d jobs\n"
    "\n"
    "Exit status: 0 the runner succeeded, 1 it failed or there is none of that name, 4 usage or connection, 130 Ctrl-C.\n";

Options declare(RunCommand& command, bool& doc) {
  Options options("brine-run", kUsage, kAbout);
  add_output_options(options, command.output);
  options.flag('d', "doc", doc, "show the documentation of all runners, or of those whose name begins so");
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
  return run_runner(*command, ask_over(settings->operator_sockets, terminal.interrupt_fd()), terminal);
}

}  // namespace brine::cli
