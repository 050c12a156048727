#include "store/job_query.h"

#include <algorithm>
#include <utility>

namespace brine::store {
namespace {

constexpr UnixMicros kEndOfJids = 253'402'300'799'999'999;  // 9999-12-31 23:59:59.999999

JobId jid_at(UnixMicros time) { return job_id_at(std::clamp<UnixMicros>(time, 0, kEndOfJids)); }

bool is_or_any(const std::string& wanted, const std::string& value) { return wanted.empty() || wanted == value; }

bool ended(const JobSummary& job, JobQuery::Ending ending) {
  switch (ending) {
    case JobQuery::Ending::kAny: return true;
    case JobQuery::Ending::kFailed: return job.failed > 0;
    case JobQuery::Ending::kSucceeded: return job.failed == 0 && job.returned >= job.expected;
    case JobQuery::Ending::kMissing: return job.returned < job.expected;
  }
  return false;
}

}  // namespace

JobSummary summary_of(const JobRecord& job) {
  return {job.jid,         job.function,  job.arguments,
          job.target_kind, job.target,    job.user,
          job.issued,      job.not_after, static_cast<std::uint32_t>(job.expected.size())};
}

bool is_failure(const ReturnRecord& value) { return !value.success && value.outcome != Outcome::kNoMatch; }

JidRange jids_of(const JobQuery& query) {
  JidRange range{.first = {}, .end = query.before};
  if (query.from > 0) range.first = jid_at(query.from);
  if (query.until == 0) return range;
  const JobId end = jid_at(query.until);
  if (range.end.empty() || end < range.end) range.end = end;
  return range;
}

bool JobSieve::look_at(const JobId& jid) {
  if (full()) {
    page_.next = last_;
    return false;
  }
  last_ = jid;
  ++looked_at_;
  return true;
}

void JobSieve::judge(JobSummary job) {
  bytes_ += job.function.size() + job.arguments.size() + job.target.size() + job.user.size();
  if (matches(job)) page_.jobs.push_back(std::move(job));
}

bool JobSieve::full() const {
  const std::size_t most = std::max<std::size_t>(1, query_.max_looked_at);
  return looked_at_ >= most || bytes_ >= kMaxBytes || page_.jobs.size() >= std::max<std::size_t>(1, query_.max);
}

bool JobSieve::matches(const JobSummary& job) const {
  return is_or_any(query_.function, job.function) && is_or_any(query_.user, job.user) && is_or_any(query_.target, job.target) &&
         ended(job, query_.ending);
}

}  // namespace brine::store
