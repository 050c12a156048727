// jobs.*: what was asked, and what came of it.
#include "master/job_report.h"
#include "master/job_search.h"
#include "master/runners.h"

namespace brine::master {
namespace {

constexpr std::size_t kReturnsPage = 1'000;

Result<JobId> jid_argument(const RunnerCall& call) {
  const Json value = call.get(0, "jid");
  return JobId::parse(value.is_string() ? value.get<std::string>() : value.dump());
}

Result<Json> look_up(const RunnerContext& context, const JobId& jid) {
  BRINE_LET(const auto job, context.engine.store().job(jid));
  if (!job) return fail(Code::kNotFound, "there is no job " + jid.str() + " (any more)");
  Json minions = Json::object();
  MinionId after;
  while (true) {
    BRINE_LET(const std::vector<store::ReturnRecord> page, context.engine.store().returns_of(jid, after, kReturnsPage));
    if (page.empty()) break;
    for (const store::ReturnRecord& value : page) minions[value.minion.str()] = report_of(value);
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
  add_job_searches(runners, context.engine.store(), context.clock, [context](const JobId& jid) { return look_up(context, jid); });
  runners.add({"jobs.lookup_jid",
               "jobs.lookup_jid(jid)",
               1,
               {"jid"},
               "Everything about one job: who was expected, who returned what, and why the others did not.",
               [context](const RunnerCall& call) -> Result<Json> {
                 BRINE_LET(const JobId jid, jid_argument(call));
                 return look_up(context, jid);
               }});
  runners.add({"jobs.active",
               "jobs.active()",
               0,
               {},
               "The jobs that are open: who runs them, who has returned, who is waited for.",
               [context](const RunnerCall& call) { return active(context, call); }});
}

}  // namespace brine::master
