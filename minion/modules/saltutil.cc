#include "minion/modules/saltutil.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fnmatch.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "minion/arguments.h"
#include "minion/grains.h"
#include "minion/running_jobs.h"

namespace brine::minion {
namespace {

Json shown(const RunningJob& job) {
  Json args = job.args;
  // Salt's form of keyword arguments within arg.
  if (!job.kwargs.empty()) {
    Json keywords = job.kwargs;
    keywords["__kwarg__"] = true;
    args.push_back(std::move(keywords));
  }
  return {{"jid", job.jid.str()}, {"fun", job.function},    {"arg", std::move(args)},    {"pid", getpid()},
          {"groups", job.groups}, {"started", job.started}, {"cancelled", job.cancelled}};
}

// Without the job that asks.
Json others(const Call& call, const std::string& pattern) {
  Json jobs = Json::array();
  for (const RunningJob& job : call.running->list()) {
    if (job.jid != call.jid && fnmatch(pattern.c_str(), job.function.c_str(), 0) == 0) jobs.push_back(shown(job));
  }
  return jobs;
}

Result<Outcome> running(const Call& call) { return Outcome{.value = others(call, "*")}; }

Result<Outcome> is_running(const Call& call) {
  BRINE_LET(const std::string pattern, Arguments(call).text("fun"));
  return Outcome{.value = others(call, pattern)};
}

Result<Outcome> find_job(const Call& call) {
  BRINE_LET(const JobId jid, Arguments(call).job_id("jid"));
  const auto job = call.running->find(jid);
  return Outcome{.value = job ? shown(*job) : Json::object()};
}

// Empty text when there is no such job here, as in Salt: most minions of the target do not have it.
Outcome told(const JobId& jid, int number, const std::optional<std::vector<int>>& groups) {
  if (!groups) return {.value = ""};
  const char* name = sigabbrev_np(number);
  std::string text = fmt::format("Signal {} (SIG{}) sent to job {}", number, name == nullptr ? "?" : name, jid.str());
  if (groups->empty()) return {.value = text + ", which has no command running"};
  return {.value = fmt::format("{} at process group {}", text, fmt::join(*groups, ", "))};
}

Result<Outcome> end_job(const Call& call, int number) {
  BRINE_LET(const JobId jid, Arguments(call).job_id("jid"));
  if (jid == call.jid) return fail(Code::kInvalid, "a job cannot end itself");
  return told(jid, number, call.running->cancel(jid, number));
}

Result<Outcome> kill_job(const Call& call) { return end_job(call, SIGKILL); }
Result<Outcome> term_job(const Call& call) { return end_job(call, SIGTERM); }

// A number, or a name with or without SIG.
Result<int> signal_number(const Arguments& arguments) {
  BRINE_LET(std::string text, arguments.text("sig"));
  if (text.starts_with("SIG")) text.erase(0, 3);
  for (int number = 1; number < NSIG; ++number) {
    const char* name = sigabbrev_np(number);
    if (text == std::to_string(number) || (name != nullptr && text == name)) return number;
  }
  return fail(Code::kInvalid, fmt::format("sig must be a signal's number or name, as 10 or USR1, got '{}'", text));
}

Result<Outcome> signal_job(const Call& call) {
  const Arguments arguments(call);
  BRINE_LET(const JobId jid, arguments.job_id("jid"));
  BRINE_LET(const int number, signal_number(arguments));
  return told(jid, number, call.running->signal(jid, number));
}

Result<Outcome> refresh_grains(const Call& call) {
  call.grains->refresh();
  return Outcome{.value = true};
}

}  // namespace

void add_saltutil_functions(Registry& registry) {
  const Parameter jid{.name = "jid"};
  const auto add = [&registry](std::string name, std::vector<Parameter> parameters, std::string doc, Result<Outcome> (*body)(const Call&)) {
    registry.add({.name = std::move(name), .parameters = std::move(parameters), .doc = std::move(doc), .repeatable = true, .body = body});
  };
  add("saltutil.running", {}, "The jobs that run on this minion.\n\n    brine '*' saltutil.running", running);
  add("saltutil.is_running", {{.name = "fun"}},
      "The running jobs of this function; * and ? stand for others.\n\n    brine '*' saltutil.is_running 'cmd.*'", is_running);
  add("saltutil.find_job", {jid}, "The job with this jid, if it runs here.\n\n    brine '*' saltutil.find_job <jid>", find_job);
  add("saltutil.term_job", {jid},
      "Tells a job to end: SIGTERM to its commands, SIGKILL to what is left 2 s later.\n\n    brine '*' saltutil.term_job <jid>", term_job);
  add("saltutil.kill_job", {jid}, "Ends a job at once: SIGKILL to its commands.\n\n    brine '*' saltutil.kill_job <jid>", kill_job);
  add("saltutil.signal_job", {jid, {.name = "sig"}},
      "Sends a signal to the commands of a job.\n\n    brine '*' saltutil.signal_job <jid> USR1", signal_job);
  add("saltutil.refresh_grains", {}, "Reads the grains again.\n\n    brine '*' saltutil.refresh_grains", refresh_grains);
}

}  // namespace brine::minion
