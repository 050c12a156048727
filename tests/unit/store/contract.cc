#include "tests/unit/store/contract.h"

#include <utility>

namespace brine::store {
namespace {

constexpr UnixMicros kEpoch = 1'790'000'000'000'000;

}  // namespace

JobId jid_number(int number) { return job_id_at(kEpoch + number); }

MinionId minion(std::string_view id) { return MinionId::trusted(std::string(id)); }

std::vector<MinionId> minions(std::initializer_list<std::string_view> ids) {
  std::vector<MinionId> all;
  for (const auto id : ids) all.push_back(minion(id));
  return all;
}

SubmissionId submission(int number) {
  SubmissionId id;
  id.bytes[0] = 0xff;
  for (std::size_t i = 0; i < 4; ++i) id.bytes[12 + i] = static_cast<std::uint8_t>(number >> (8 * (3 - i)));
  return id;
}

JobRecord make_job(int number, std::vector<MinionId> expected) {
  JobRecord job;
  job.jid = jid_number(number);
  job.submission = submission(number);
  job.function = "cmd.run";
  job.arguments = R"({"args":["uptime"],"kwargs":{}})";
  job.target_kind = "glob";
  job.target = "web*";
  job.user = "root";
  job.uid = 4'000'000'000;
  job.issued = 1000 + number;
  job.not_after = 2000 + number;
  job.expected = std::move(expected);
  job.signed_job = std::string("signed\0bytes\xff", 13);
  job.signature = std::string("\0signature", 10);
  job.forget_at = 10'000 + number;
  return job;
}

ReturnRecord make_return(int job, std::string_view from, std::string payload) {
  ReturnRecord value;
  value.jid = jid_number(job);
  value.minion = minion(from);
  value.outcome = Outcome::kReturned;
  value.retcode = -3;
  value.success = true;
  value.payload = std::move(payload);
  value.started = 1500;
  value.duration_us = 250;
  value.received = 1600;
  return value;
}

CommitOutcome StoreContract::commit(const Batch& batch) { return value_of(store().commit(batch)); }

JobResult StoreContract::publish(const JobRecord& job) {
  Batch batch;
  batch.jobs.push_back(job);
  return commit(batch).jobs.at(0);
}

ReturnResult StoreContract::add(const ReturnRecord& value) {
  Batch batch;
  batch.returns.push_back(value);
  return commit(batch).returns.at(0);
}

std::size_t StoreContract::expire(UnixMicros now, const std::vector<std::string>& returners, std::size_t max_jobs,
                                  UnixMicros outbox_before) {
  return value_of(store().expire({now, max_jobs, returners, outbox_before, 0})).jobs;
}

void StoreContract::acknowledge(const std::string& returner, std::uint64_t position) {
  Batch batch;
  batch.returner_positions[returner] = position;
  commit(batch);
}

JobSummary StoreContract::newest_job() {
  const JobPage page = value_of(store().list_jobs({.max = 1}));
  return page.jobs.empty() ? JobSummary() : page.jobs[0];
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StoreContract);

}  // namespace brine::store
