#include "cli/brine.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "cli/exit_status.h"
#include "cli/function_arguments.h"
#include "cli/master_settings.h"
#include "cli/master_sockets.h"
#include "cli/random_submission.h"

namespace brine::cli {
namespace {

constexpr milliseconds kLongestTimeout{0xffff'ffff};
constexpr milliseconds kAnswerMargin{15'000};  // beyond -t, for a busy master to accept a job

constexpr const char* kUsage = "brine [options] '<target>' module.function [arguments] [name=value]";

constexpr const char* kAbout =
    "Runs a function on the minions that a target names, and prints each return as it arrives. For every minion that was asked and did\n"
    "not answer it says why. The target is a glob of minion ids unless an option says otherwise. Arguments are typed as YAML types them;\n"
    "name=value is a keyword argument. Options may stand anywhere; \"--\" ends them.";

constexpr const char* kExamples =
    "Examples:\n"
    "  brine '*' test.ping\n"
    "  brine 'web*' cmd.run 'uptime' timeout=10\n"
    "  brine -G 'os:Debian' cmd.run_all 'df -h' cwd=/ --out json\n"
    "  brine -C 'G@os:Debian and not web1' grains.item osrelease -t 30\n"
    "  brine -L db1,db2 cmd.run 'systemctl restart postgresql' --async\n"
    "\n"
    "Output: json prints one object {id: value} on a line as each return comes, or one object for all with --static. What is said about\n"
    "missing minions goes to standard error, except with nested.\n"
    "\n"
    "Exit status: 0 all succeeded, 1 some function failed, 2 some minion did not answer (whether or not others failed), 3 no minion\n"
    "matched, 4 usage or connection, 130 Ctrl-C. The job goes on after Ctrl-C: brine-run jobs.lookup_jid <jid> shows it.\n";

void add_target_option(Options& options, BrineCommand& command, char letter, const char* name, const char* kind, const char* help) {
  options.option(letter, name, "", help, [&command, kind](std::string_view) -> Status {
    if (command.target_kind != "glob" && command.target_kind != kind)
      return fail(Code::kInvalid, "only one kind of target can be given; -C combines them: 'G@os:Debian and E@web\\d+'");
    command.target_kind = kind;
    return {};
  });
}

void add_target_options(Options& options, BrineCommand& command) {
  add_target_option(options, command, 'E', "pcre", "pcre", "the target is a regular expression of ids");
  add_target_option(options, command, 'L', "list", "list", "the target is a list of ids: a,b,c");
  add_target_option(options, command, 'G', "grain", "grain", "the target is grain:glob");
  add_target_option(options, command, 'P', "grain-pcre", "grain_pcre", "the target is grain:regular expression");
  add_target_option(options, command, 'I', "pillar", "pillar", "the target is pillar:glob");
  add_target_option(options, command, 'C', "compound", "compound", "the target combines these with and, or, not, ( )");
  add_target_option(options, command, 'N', "nodegroup", "nodegroup", "the target is the name of a nodegroup");
  add_target_option(options, command, 'S', "ipcidr", "ipcidr", "the target is an address or a subnet: 10.0.0.0/8");
  options.text(0, "delimiter", "CHARACTER", command.delimiter, "between the levels of a nested grain (default :)");
}

Options declare(BrineCommand& command, bool& doc) {
  Options options("brine", kUsage, kAbout);
  add_target_options(options, command);
  options.duration('t', "timeout", command.timeout, "wait so long for a first sign of life (default: timeout of the master)");
  options.duration(0, "expires", command.expires, "keep the job open so long for minions that are away: 30m, 2h");
  options.count(0, "subset", command.subset, "so many of the minions that match, drawn at random");
  options.flag(0, "async", command.display.detached, "print the jid and do not wait");
  add_output_options(options, command.output);
  options.flag('s', "static", command.display.collect, "print all returns together, at the end");
  options.flag('v', "verbose", command.display.verbose, "show the jid first");
  options.flag('p', "progress", command.display.progress, "show how many have answered, on a terminal");
  options.flag('d', "doc", doc, "show the documentation of a function or module (sys.doc)");
  options.absent('b', "batch");
  options.absent(0, "batch-size");
  options.absent(0, "return");
  options.absent('R', "range");
  options.absent('a', "auth");
  add_common_options(options, command.common);
  options.examples(kExamples);
  return options;
}

Status check_function(const std::string& name) {
  if (name.find(',') != std::string::npos)
    return fail(Code::kUnsupported, fmt::format("'{}': several functions in one command are not available in this version", name));
  if (name.find('.') == std::string::npos || !is_utf8(name))
    return fail(Code::kInvalid, fmt::format("'{}' is not a function: write module.function, as in test.ping", name));
  return {};
}

Status read_words(std::vector<std::string> words, bool doc, BrineCommand& command) {
  if (doc && words.empty()) words.emplace_back("*");
  if (doc) words.insert(words.begin() + 1, "sys.doc");
  if (words.empty()) return fail(Code::kInvalid, "a target and a function are missing; for example: brine '*' test.ping");
  if (words.size() == 1) return fail(Code::kInvalid, fmt::format("a function is missing; for example: brine '{}' test.ping", words[0]));
  command.target = words[0];
  command.function = words[1];
  if (!is_utf8(command.target)) return fail(Code::kInvalid, "the target is not UTF-8 text");
  BRINE_TRY(check_function(command.function));
  BRINE_LET(const FunctionArguments arguments, read_function_arguments(std::span(words).subspan(2)));
  command.arguments = arguments.text();
  return {};
}

wire::Submit submit_of(const BrineCommand& command, const SubmissionId& id) {
  return {.submission = id,
          .target_kind = command.target_kind,
          .target = command.target,
          .delimiter = command.delimiter[0],
          .function = command.function,
          .arguments = command.arguments,
          .timeout = std::min(command.timeout, kLongestTimeout),
          .expires = command.expires,
          .subset = command.subset,
          .detach = command.display.detached};
}

int say(Terminal& terminal, const Error& error, const std::string& prefix) {
  terminal.err(prefix + error.message + "\n");
  return kUsageOrConnection;
}

std::string how_to_look_up(const JobId& jid) {
  return fmt::format(
      "This job's jid is: {0}\nThe minions may not have all finished running and any remaining minions will return upon completion. To "
      "look "
      "up the return data for this job later, run the following command:\n\nbrine-run jobs.lookup_jid {0}\n",
      jid.str());
}

int interrupted(const std::optional<JobId>& jid, Terminal& terminal) {
  std::string text = "\nExiting gracefully on Ctrl-c\n";
  text += jid ? how_to_look_up(*jid) : "The master had not accepted the job yet; it may still do so: brine-run jobs.list_jobs shows it.\n";
  terminal.err(text);
  return kInterrupted;
}

// What the master says is printed as it is: it may be several lines with a caret.
int failed(const Error& error, const std::optional<JobId>& jid, Terminal& terminal) {
  terminal.err(error.message + "\n");
  if (jid) terminal.err(how_to_look_up(*jid));
  return error.code == Code::kNotFound ? kNoMatch : kUsageOrConnection;
}

}  // namespace

Result<BrineCommand> read_brine_command(std::span<const std::string> words) {
  BrineCommand command;
  bool doc = false;
  const Options options = declare(command, doc);
  BRINE_LET(std::vector<std::string> rest, options.parse(words));
  command.answer = common_answer(options, command.common);
  if (!command.answer.empty()) return command;
  if (command.delimiter.size() != 1) return fail(Code::kInvalid, "--delimiter takes one character");
  BRINE_TRY(read_words(std::move(rest), doc, command));
  return command;
}

int run_job(const BrineCommand& command, JobSession::Connect connect, SessionLimits limits, Terminal& terminal) {
  const auto id = random_submission();
  if (!id) return say(terminal, id.error(), "brine: ");
  const Printer printer = command.output.printer(terminal);
  JobPrinter shown(printer, command.display, terminal);
  JobSession session(std::move(connect), submit_of(command, *id), limits, terminal.interrupt_fd(), shown);
  const auto end = session.run();
  if (end && *end == JobSession::End::kFinished) return shown.exit_status();
  if (end && *end == JobSession::End::kDetached) return kSucceeded;
  shown.give_up();
  return end ? interrupted(session.jid(), terminal) : failed(end.error(), session.jid(), terminal);
}

int run_brine(std::span<const std::string> words, Terminal& terminal) {
  auto command = read_brine_command(words);
  if (!command) return say(terminal, command.error(), "brine: ");
  if (!command->answer.empty()) {
    terminal.out(command->answer);
    return kSucceeded;
  }
  const auto settings = read_master_settings(command->common);
  if (!settings) return say(terminal, settings.error(), "brine: ");
  const milliseconds patience = command->timeout.count() > 0 ? command->timeout : settings->timeout;
  MasterSockets masters(settings->operator_sockets);
  const SessionLimits limits{
      .answer = patience + kAnswerMargin, .reconnect = patience + settings->reconnect_grace, .others = masters.several()};
  const auto connect = [&masters] { return masters.connect(); };
  return run_job(*command, connect, limits, terminal);
}

}  // namespace brine::cli
