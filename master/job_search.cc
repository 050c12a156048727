#include "master/job_search.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <string_view>
#include <utility>

#include "config/units.h"
#include "master/job_report.h"

namespace brine::master {
namespace {

using store::JobPage;
using store::JobQuery;

constexpr std::size_t kDefaultCount = 1'000;
constexpr std::size_t kMostCount = 10'000;
constexpr std::size_t kJobsPage = 1'000;
constexpr int kPagesPerCall = 10;
constexpr std::size_t kReturnsPage = 100;
constexpr std::size_t kMostReturns = 20'000;
constexpr std::size_t kMostBytes = 8U << 20;  // of texts in an answer, about

// ---- arguments -------------------------------------------------------------------------------------------------------------

// The arguments of a call by the names that the runner declares.
class Arguments {
 public:
  Arguments(const RunnerCall& call, const std::vector<std::string>& parameters) {
    for (std::size_t place = 0; place < parameters.size(); ++place) values_[parameters[place]] = call.get(place, parameters[place]);
  }

  // Empty when it was not given.
  Result<std::string> text(const std::string& name) const {
    const auto found = values_.find(name);
    if (found == values_.end() || found->second.is_null()) return std::string();
    if (found->second.is_string()) return found->second.get<std::string>();
    if (found->second.is_primitive()) return found->second.dump();
    return fail(Code::kInvalid, "'" + name + "' is a text");
  }

  Result<std::size_t> count() const {
    BRINE_LET(const std::string given, text("count"));
    if (given.empty()) return kDefaultCount;
    const Json number = Json::parse(given, nullptr, false);
    if (number.is_number_unsigned() && number > 0 && number <= kMostCount) return number.get<std::size_t>();
    return fail(Code::kInvalid, "'count' is a number from 1 to " + std::to_string(kMostCount) + "; 'before' goes on from there");
  }

  Result<UnixMicros> time(const std::string& name, UnixMicros now, const std::string& otherwise = "") const {
    BRINE_LET(std::string given, text(name));
    if (given.empty()) given = otherwise;
    if (given.empty()) return 0;
    auto time = parse_time(given, now);
    if (!time) return fail(std::move(time.error()), name);
    return time;
  }

 private:
  std::map<std::string, Json> values_;
};

Result<JobQuery::Ending> ending_of(const std::string& text) {
  if (text.empty()) return JobQuery::Ending::kAny;
  if (text == "failed") return JobQuery::Ending::kFailed;
  if (text == "succeeded") return JobQuery::Ending::kSucceeded;
  if (text == "missing") return JobQuery::Ending::kMissing;
  return fail(Code::kInvalid,
              "'outcome' is failed (some return failed), succeeded (all have returned, and none failed) or missing (some "
              "minion has not returned)");
}

Result<JobQuery> query_of(const Arguments& arguments, UnixMicros now, const std::string& since = "") {
  JobQuery query;
  BRINE_LET(query.function, arguments.text("function"));
  BRINE_LET(query.target, arguments.text("target"));
  BRINE_LET(query.user, arguments.text("user"));
  BRINE_LET(const std::string outcome, arguments.text("outcome"));
  BRINE_LET(query.ending, ending_of(outcome));
  BRINE_LET(query.from, arguments.time("since", now, since));
  BRINE_LET(query.until, arguments.time("until", now));
  if (query.until != 0 && query.from >= query.until) return fail(Code::kInvalid, "'since' is not earlier than 'until'");
  return query;
}

Result<JobId> jid_before(const std::string& text) {
  auto jid = JobId::parse(text);
  if (!jid) return fail(std::move(jid.error()), "before");
  return jid;
}

// "2026-11-23 03:01:18" by its digits, or nothing.
std::optional<std::string> digits_of_date(std::string_view text) {
  constexpr std::string_view kPattern = "dddd-dd-dd dd:dd:dd";
  if (text.size() != 10 && text.size() != 16 && text.size() != 19) return std::nullopt;
  std::string digits;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool digit = std::isdigit(static_cast<unsigned char>(text[i])) != 0;
    if (kPattern[i] == 'd' ? !digit : text[i] != kPattern[i] && !(kPattern[i] == ' ' && text[i] == 'T')) return std::nullopt;
    if (digit) digits += text[i];
  }
  return digits;
}

// ---- jobs ------------------------------------------------------------------------------------------------------------------

Result<JobPage> find(const store::StateStore& store, JobQuery query, std::size_t count) {
  JobPage found;
  std::size_t bytes = 0;
  for (int pages = 0; pages < kPagesPerCall; ++pages) {
    query.max = std::min(count - found.jobs.size(), kJobsPage);
    BRINE_LET(JobPage page, store.list_jobs(query));
    for (store::JobSummary& job : page.jobs) {
      bytes += job.arguments.size() + job.target.size();
      found.jobs.push_back(std::move(job));
    }
    found.next = page.next;
    if (page.next.empty() || found.jobs.size() >= count || bytes >= kMostBytes) break;
    query.before = page.next;
  }
  if (!found.jobs.empty() || found.next.empty()) return found;
  return fail(Code::kNotFound,
              "no such job was found back to " + found.next.str() + "; jobs.list_jobs with before=" + found.next.str() + " looks further");
}

Result<Json> list_jobs(const store::StateStore& store, const Arguments& arguments, UnixMicros now) {
  BRINE_LET(JobQuery query, query_of(arguments, now));
  BRINE_LET(const std::size_t count, arguments.count());
  BRINE_LET(const std::string before, arguments.text("before"));
  if (!before.empty()) {
    BRINE_LET(query.before, jid_before(before));
  }
  BRINE_LET(const JobPage found, find(store, std::move(query), count));
  Json result = Json::object();
  for (const store::JobSummary& job : found.jobs) result[job.jid.str()] = report_of(job);
  return result;
}

Result<JobId> last_run(const store::StateStore& store, const Arguments& arguments) {
  BRINE_LET(const JobQuery query, query_of(arguments, 0));
  BRINE_LET(const JobPage found, find(store, query, 1));
  if (!found.jobs.empty()) return found.jobs[0].jid;
  return fail(Code::kNotFound, "no job" + (query.function.empty() ? "" : " of " + query.function) +
                                   (query.target.empty() ? "" : " to '" + query.target + "'") + " is kept");
}

// ---- failures --------------------------------------------------------------------------------------------------------------

// "JID": what is older; "JID/MINION": the rest of that job, behind that minion, before it.
struct FailurePosition {
  JobId jid;
  MinionId minion;
};

Result<FailurePosition> position_of(const std::string& text) {
  FailurePosition position;
  if (text.empty()) return position;
  const std::size_t slash = text.find('/');
  BRINE_LET(position.jid, jid_before(text.substr(0, slash)));
  if (slash == std::string::npos) return position;
  auto minion = MinionId::parse(text.substr(slash + 1));
  if (!minion) return fail(std::move(minion.error()), "before");
  position.minion = std::move(*minion);
  return position;
}

// Collects failed returns, job by job, until it is full.
class FailureList {
 public:
  FailureList(const store::StateStore& store, std::size_t count) : store_(store), count_(count) {}

  bool full() const { return list_.size() >= count_ || looked_at_ >= kMostReturns || bytes_ >= kMostBytes; }
  // left: how many failures there are, as far as that is known.
  Status add(const store::JobSummary& job, MinionId after, std::size_t left) {
    while (left > 0) {
      BRINE_LET(const std::vector<store::ReturnRecord> page, store_.returns_of(job.jid, after, kReturnsPage));
      for (const store::ReturnRecord& value : page) {
        if (full()) return stop_at(job.jid.str() + "/" + after.str());
        after = value.minion;
        left -= take(job, value) ? 1U : 0U;
      }
      if (page.size() < kReturnsPage) break;
    }
    return {};
  }
  Status stop_at(std::string next) {
    next_ = std::move(next);
    return {};
  }
  bool stopped() const { return !next_.empty(); }
  Json take_all() {
    Json all{{"failures", std::move(list_)}};
    if (stopped()) all["next"] = next_;
    return all;
  }

 private:
  bool take(const store::JobSummary& job, const store::ReturnRecord& value) {
    ++looked_at_;
    bytes_ += value.payload.size();
    if (!is_failure(value)) return false;
    Json failure = report_of(value);
    failure.erase("success");
    failure.update({{"jid", job.jid.str()}, {"function", job.function}, {"target", job.target}, {"minion", value.minion.str()}});
    list_.push_back(std::move(failure));
    return true;
  }

  const store::StateStore& store_;
  const std::size_t count_;
  Json list_ = Json::array();
  std::string next_;
  std::size_t looked_at_ = 0;
  std::size_t bytes_ = 0;
};

Status go_through(const store::StateStore& store, JobQuery query, FailureList& failures) {
  for (int pages = 0; pages < kPagesPerCall; ++pages) {
    BRINE_LET(const JobPage page, store.list_jobs(query));
    for (const store::JobSummary& job : page.jobs) {
      if (failures.full()) return failures.stop_at(query.before.str());
      BRINE_TRY(failures.add(job, {}, job.failed));
      if (failures.stopped()) return {};
      query.before = job.jid;
    }
    if (page.next.empty()) return {};
    query.before = page.next;
  }
  return failures.stop_at(query.before.str());
}

Result<Json> failures(const store::StateStore& store, const Arguments& arguments, UnixMicros now) {
  BRINE_LET(JobQuery query, query_of(arguments, now, "1h"));
  BRINE_LET(const std::size_t count, arguments.count());
  BRINE_LET(const std::string before, arguments.text("before"));
  BRINE_LET(const FailurePosition position, position_of(before));
  query.before = position.jid;
  query.ending = JobQuery::Ending::kFailed;
  FailureList list(store, count);
  if (!position.minion.empty()) {
    BRINE_LET(const auto job, store.job(position.jid));
    if (job) BRINE_TRY(list.add(summary_of(*job), position.minion, job->expected.size()));
  }
  if (!list.stopped()) BRINE_TRY(go_through(store, std::move(query), list));
  return list.take_all();
}

// ---- runners ---------------------------------------------------------------------------------------------------------------

using Body = std::function<Result<Json>(const Arguments&)>;

// Says how it is used when the arguments are wrong.
void add(Runners& runners, Runner runner, const Body& body) {
  runner.body = [body, parameters = runner.parameters, signature = runner.signature](const RunnerCall& call) {
    auto result = body(Arguments(call, parameters));
    if (!result && result.error().code == Code::kInvalid) result.error().message += "; usage: " + signature;
    return result;
  };
  runners.add(std::move(runner));
}

}  // namespace

Result<UnixMicros> parse_time(const std::string& text, UnixMicros now) {
  const bool has_unit = !text.empty() && std::isalpha(static_cast<unsigned char>(text.back())) != 0;
  if (const auto ago = config::parse_duration(text); ago && has_unit)
    return std::max<UnixMicros>(1, now - std::chrono::duration_cast<microseconds>(*ago).count());
  if (const auto jid = JobId::parse(text)) return unix_us_of(*jid);
  if (auto digits = digits_of_date(text)) {
    digits->resize(20, '0');
    if (const auto jid = JobId::parse(*digits)) return unix_us_of(*jid);
  }
  return fail(Code::kInvalid,
              "'" + text + "' is no time: write '1h' or '30m' (ago), '2026-11-23' or '2026-11-23 03:01:18' (UTC), or a jid");
}

void add_job_searches(Runners& runners, const store::StateStore& store, const Clock& clock,
                      const std::function<Result<Json>(const JobId&)>& look_up) {
  add(runners,
      {.name = "jobs.list_jobs",
       .signature = "jobs.list_jobs([count=1000], [before=JID], [function=NAME], [target=TEXT], [user=NAME], "
                    "[outcome=failed|succeeded|missing], [since=TIME], [until=TIME])",
       .parameters = {"count", "before", "function", "target", "user", "outcome", "since", "until"},
       .doc =
           "The newest jobs, with what was asked and how many returned and failed. The oldest one shown is the 'before' of the next page; "
           "a page without jobs is the last. Times are '1h', '2026-11-23 03:01:18' (UTC) or a jid.",
       .body = {}},
      [&store, &clock](const Arguments& arguments) { return list_jobs(store, arguments, clock.unix_now()); });
  add(runners,
      {.name = "jobs.last_run",
       .signature = "jobs.last_run([function], [target])",
       .parameters = {"function", "target"},
       .doc = "Everything about the newest job, or the newest one of this function and to this target.",
       .body = {}},
      [&store, look_up](const Arguments& arguments) -> Result<Json> {
        BRINE_LET(const JobId jid, last_run(store, arguments));
        return look_up(jid);
      });
  add(runners,
      {.name = "jobs.failures",
       .signature = "jobs.failures([since=1h], [until=TIME], [function=NAME], [target=TEXT], [user=NAME], [count=1000], [before=NEXT])",
       .parameters = {"since", "until", "function", "target", "user", "count", "before"},
       .doc = "The returns that failed, of the jobs of that time, newest job first. 'next' is there when there may be more: it is the "
              "'before' of the next page.",
       .body = {}},
      [&store, &clock](const Arguments& arguments) { return failures(store, arguments, clock.unix_now()); });
}

}  // namespace brine::master
