#include "loadtest/answers.h"

#include <algorithm>

namespace brine::loadtest {
namespace {

using namespace brine::minion;

Function ping() {
  return {"test.ping", {}, "Answers true.", true, [](const Call&) -> Result<Outcome> { return Outcome{true}; }};
}

Function echo() {
  return {"test.echo", {{"text"}}, "Answers its argument.", true, [](const Call& call) -> Result<Outcome> {
            return Outcome{call.kwargs.at("text")};
          }};
}

Function command(std::size_t bytes) {
  std::string text;
  text.reserve(bytes + 64);
  while (text.size() < bytes) text += "simulated output, one line of it and its end\n";
  text.resize(bytes);
  return {
      "cmd.run", {{"cmd"}, {"options", "", false, true}}, "Answers a text, runs nothing.", false, [text](const Call&) -> Result<Outcome> {
        return Outcome{text};
      }};
}

}  // namespace

Answers::Answers(const AnswerConfig& config, std::uint64_t seed) : config_(config), random_(seed) {
  registry_.add(ping());
  registry_.add(echo());
  registry_.add(command(config.bytes));
}

microseconds Answers::delay(const JobToRun& job) {
  const Function* function = find(job.function);
  if (config_.delay_mean == milliseconds(0) || function == nullptr || function->repeatable) return microseconds(0);
  std::exponential_distribution<double> times(1 / static_cast<double>(microseconds(config_.delay_mean).count()));
  return std::min(microseconds(static_cast<std::int64_t>(times(random_))), microseconds(config_.delay_max));
}

Outcome Answers::answer(const JobToRun& job) {
  Call call;
  call.jid = job.jid;
  call.function = job.function;
  call.args = job.args;
  call.kwargs = job.kwargs;
  call.registry = &registry_;
  Outcome outcome = minion::run(registry_, call);
  if (config_.failure_ratio > 0 && std::uniform_real_distribution(0.0, 1.0)(random_) < config_.failure_ratio && outcome.retcode == 0)
    outcome.retcode = kFailed;
  return outcome;
}

}  // namespace brine::loadtest
