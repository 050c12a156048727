// jobs.*: what was asked, and what came of it.
#include <algorithm>

#include "master/runners.h"

namespace brine::master {
namespace {

constexpr std::size_t kListDefault = 1'000;
constexpr std::size_t kReturnsPage = 1'000;

// "2026, Nov 23 03:01:18.000000", as Salt shows it.
std::string start_time(const JobId& jid) {
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::string& t = jid.str();
  const auto month = static_cast<std::size_t>(std::clamp(std::stoi(t.substr(4, 2)), 1, 12) - 1);
  return t.substr(0, 4) + ", " + kMonths[month] + " " + t.substr(6, 2) + " " + t.substr(8, 2) + ":" + t.substr(10, 2) + ":" +
         t.substr(12, 2) + "." + t.substr(14, 6);
}

Json arguments_list(const std::string& arguments) {
  const Json value = Json::parse(arguments, nullptr, false);
  if (!value.is_object()) return Json::array();
  Json list = value.value("args", Json::array());
  if (const auto kwargs = value.find("kwargs"); kwargs != value.end() && kwargs->is_object() && !kwargs->empty()) list.push_back(*kwargs);
  return list;
}

Json summary(const store::JobSummary& job) {
  return {
      {"Function", job.function}, {"Arguments", arguments_list(job.arguments)}, {"Target", job.target},    {"Target-type", job.target_kind},
      {"User", job.user},         {"StartTime", start_time(job.jid)},           {"Minions", job.expected}, {"Returned", job.returned}};
}

Result<JobId> jid_argument(const RunnerCall& call) {
  const Json value = call.get(0, "jid");
  return JobId::parse(value.is_string() ? value.get<std::string>() : value.dump());
}

Result<Json> list_jobs(const RunnerContext& context, const RunnerCall& call) {
  const Json count = call.get(0, "count");
  const std::size_t most = count.is_number_unsigned() ? count.get<std::size_t>() : kListDefault;
  const Json before = call.get(1, "before");
  JobId from;
  if (!before.is_null()) {
    BRINE_LET(from, JobId::parse(before.is_string() ? before.get<std::string>() : before.dump()));
  }
  BRINE_LET(const store::JobPage page, context.engine.store().list_jobs({.before = from, .max = most}));
  Json result = Json::object();
  for (const store::JobSummary& job : page.jobs) result[job.jid.str()] = summary(job);
  return result;
}

Json returned_part(const store::ReturnRecord& value) {
  Json payload = Json::parse(value.payload, nullptr, false);
  if (payload.is_discarded()) payload = value.payload;
  return {{"state", to_string(value.outcome)}, {"retcode", value.retcode}, {"success", value.success}, {"return", std::move(payload)}};
}

Result<Json> lookup_jid(const RunnerContext& context, const RunnerCall& call) {
  BRINE_LET(const JobId jid, jid_argument(call));
  BRINE_LET(const auto job, context.engine.store().job(jid));
  if (!job) return fail(Code::kNotFound, "there is no job " + jid.str() + " (any more)");
  Json minions = Json::object();
  MinionId after;
  while (true) {
    BRINE_LET(const std::vector<store::ReturnRecord> page, context.engine.store().returns_of(jid, after, kReturnsPage));
    if (page.empty()) break;
    for (const store::ReturnRecord& value : page) minions[value.minion.str()] = returned_part(value);
    after = page.back().minion;
  }
  const auto missing = ask<std::vector<engine::MissingMinion>>(context.engine, [&](const engine::Engine::View& view) {
    std::vector<engine::MissingMinion> list;
    for (const MinionId& id : job->expected) {
      if (!minions.contains(id.str())) list.push_back(view.board.explain(*job, id));
    }
    return list;
  });
  for (const engine::MissingMinion& value : missing)
    minions[value.id.str()] = {{"state", engine::to_string(value.state)}, {"reason", value.text}};
  Json expected = Json::array();
  for (const MinionId& id : job->expected) expected.push_back(id.str());
  return Json{{"jid", jid.str()},
              {"function", job->function},
              {"arguments", arguments_list(job->arguments)},
              {"target", job->target},
              {"target_type", job->target_kind},
              {"user", job->user},
              {"start_time", start_time(jid)},
              {"expected", std::move(expected)},
              {"minions", std::move(minions)}};
}

Result<Json> active(const RunnerContext& context, const RunnerCall&) {
  return ask<Json>(context.engine, [](const engine::Engine::View& view) {
    Json jobs = Json::object();
    for (const auto& job : view.board.open_jobs()) {
      Json running = Json::array();
      Json returned = Json::array();
      Json waiting = Json::array();
      for (std::size_t i = 0; i < job->parts.size(); ++i) {
        const std::string& id = job->record->expected[i].str();
        const auto part = job->parts[i];
        (part == engine::OpenJob::Part::kReturned ? returned : part == engine::OpenJob::Part::kRunning ? running : waiting).push_back(id);
      }
      jobs[job->record->jid.str()] = {{"Function", job->record->function}, {"Arguments", arguments_list(job->record->arguments)},
                                      {"Target", job->record->target},     {"Target-type", job->record->target_kind},
                                      {"User", job->record->user},         {"StartTime", start_time(job->record->jid)},
                                      {"Running", std::move(running)},     {"Returned", std::move(returned)},
                                      {"Waiting", std::move(waiting)}};
    }
    return jobs;
  });
}

}  // namespace

void add_job_runners(Runners& runners, const RunnerContext& context) {
  runners.add({"jobs.list_jobs",
               "jobs.list_jobs([count=1000], [before=JID])",
               0,
               {"count", "before"},
               "The newest jobs, with what was asked and how many returned.",
               [context](const RunnerCall& call) { return list_jobs(context, call); }});
  runners.add({"jobs.lookup_jid",
               "jobs.lookup_jid(jid)",
               1,
               {"jid"},
               "Everything about one job: who was expected, who returned what, and why the others did not.",
               [context](const RunnerCall& call) { return lookup_jid(context, call); }});
  runners.add({"jobs.active",
               "jobs.active()",
               0,
               {},
               "The jobs that are open: who runs them, who has returned, who is waited for.",
               [context](const RunnerCall& call) { return active(context, call); }});
}

}  // namespace brine::master
