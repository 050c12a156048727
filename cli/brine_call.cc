#include "cli/brine_call.h"

#include <unistd.h>

#include <array>

#include "cli/exit_status.h"
#include "cli/local_call.h"

namespace brine::cli {
namespace {

constexpr const char* kUsage = "brine-call [options] module.function [arguments] [name=value]";

constexpr const char* kAbout =
    "Runs a function on this minion, here and now, and prints what it returns. With --local it needs no master; without, the master is\n"
    "told the return.";

constexpr const char* kExamples =
    "Examples:\n"
    "  brine-call --local test.ping\n"
    "  brine-call --local grains.items --out json\n"
    "  brine-call --local cmd.run 'df -h' cwd=/\n"
    "  brine-call --local -d cmd\n"
    "\n"
    "Exit status: 0 the function succeeded, 1 it failed, 4 usage or connection.\n";

struct Shortcuts {
  bool doc = false;
  bool grains = false;
};

Options declare(CallCommand& command, Shortcuts& shortcuts) {
  Options options("brine-call", kUsage, kAbout);
  options.flag(0, "local", command.local, "ask no master");
  options.flag('d', "doc", shortcuts.doc, "show the documentation of a function or module (sys.doc)");
  options.flag('g', "grains", shortcuts.grains, "show what this minion says about itself (grains.items)");
  add_output_options(options, command.output);
  options.absent(0, "return");
  add_common_options(options, command.common);
  options.examples(kExamples);
  return options;
}

int say(Terminal& terminal, const Error& error) {
  terminal.err("brine-call: " + error.message + "\n");
  return kUsageOrConnection;
}

// A machine that has no configuration yet is called by its host name.
Result<config::MinionConfig> defaults() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  config::MinionConfig config;
  auto id = MinionId::parse(name.data());
  config.id = id ? std::move(*id) : MinionId::trusted("localhost");
  return config;
}

Result<config::MinionConfig> load(const Common& common) {
  auto config = config::load_minion_config(common.config_dir);
  if (!config && config.error().code == Code::kNotFound && !common.config_dir_given) return defaults();
  return config;
}

int tell(MasterCall& master, const CallCommand& command, const LocalResult& result, Terminal& terminal) {
  const auto jid = master.report(
      {.function = command.function, .arguments = command.arguments.text(), .value = to_text(result.value), .retcode = result.retcode});
  if (!jid) return say(terminal, std::move(Error(jid.error())).with("it ran, but the master was not told"));
  return result.retcode == 0 ? kSucceeded : kFunctionFailed;
}

}  // namespace

Result<CallCommand> read_call_command(std::span<const std::string> words) {
  CallCommand command;
  Shortcuts shortcuts;
  const Options options = declare(command, shortcuts);
  BRINE_LET(std::vector<std::string> rest, options.parse(words));
  command.answer = common_answer(options, command.common);
  if (!command.answer.empty()) return command;
  if (shortcuts.doc) rest.insert(rest.begin(), "sys.doc");
  if (shortcuts.grains) rest.insert(rest.begin(), "grains.items");
  if (rest.empty()) return fail(Code::kInvalid, "a function is missing; for example: brine-call --local test.ping");
  command.function = rest[0];
  BRINE_LET(command.arguments, read_function_arguments(std::span(rest).subspan(1)));
  return command;
}

int run_call(const CallCommand& command, const config::MinionConfig& config, const OpenMasterCall& open, Terminal& terminal) {
  std::unique_ptr<MasterCall> master;
  if (!command.local) {
    auto opened = open(config);
    if (!opened) return say(terminal, opened.error());
    master = std::move(*opened);
  }
  const LocalResult result = call_locally(config, command.function, command.arguments, terminal.interrupt_fd());
  const Printer printer = command.output.printer(terminal);
  Json local = Json::object();
  local["local"] = result.value;
  terminal.out(printer.value(local, result.retcode));
  terminal.flush();
  if (master) return tell(*master, command, result, terminal);
  return result.retcode == 0 ? kSucceeded : kFunctionFailed;
}

int run_brine_call(std::span<const std::string> words, Terminal& terminal) {
  const auto command = read_call_command(words);
  if (!command) return say(terminal, command.error());
  if (!command->answer.empty()) {
    terminal.out(command->answer);
    return kSucceeded;
  }
  const auto config = load(command->common);
  if (!config) return say(terminal, config.error());
  return run_call(*command, *config, open_master_call, terminal);
}

}  // namespace brine::cli
