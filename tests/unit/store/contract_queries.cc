#include <gmock/gmock.h>

#include <limits>

#include "tests/unit/store/contract.h"

namespace brine::store {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Ending = JobQuery::Ending;

std::vector<JobId> jids(const JobPage& page) {
  std::vector<JobId> all;
  for (const JobSummary& job : page.jobs) all.push_back(job.jid);
  return all;
}

JobRecord job_of(int number, std::string function, std::string user = "root", std::string target = "web*") {
  JobRecord job = make_job(number, minions({"a", "b"}));
  job.function = std::move(function);
  job.user = std::move(user);
  job.target = std::move(target);
  return job;
}

ReturnRecord ended(int job, std::string_view from, Outcome outcome, bool success) {
  ReturnRecord value = make_return(job, from);
  value.outcome = outcome;
  value.success = success;
  return value;
}

ReturnRecord failure(int job, std::string_view from) { return ended(job, from, Outcome::kReturned, false); }

}  // namespace

TEST_P(StoreContract, JobsAreListedNewestFirstInPages) {
  for (const int number : {1, 3, 2}) publish(make_job(number, minions({"a"})));
  const auto first = value_of(store().list_jobs({.max = 2}));
  EXPECT_THAT(jids(first), ElementsAre(jid_number(3), jid_number(2)));
  EXPECT_EQ(first.next, jid_number(2));
  const auto second = value_of(store().list_jobs({.before = first.next, .max = 2}));
  EXPECT_THAT(jids(second), ElementsAre(jid_number(1)));
  EXPECT_TRUE(second.next.empty());
}

TEST_P(StoreContract, APageThatHoldsAllNamesNoNextOne) {
  for (const int number : {1, 2}) publish(make_job(number, minions({"a"})));
  EXPECT_TRUE(value_of(store().list_jobs({.max = 2})).next.empty());
}

TEST_P(StoreContract, JobsAreFoundByTheTimeTheirJidNames) {
  for (const int number : {1, 2, 3, 4}) publish(make_job(number, minions({"a"})));
  const UnixMicros time = unix_us_of(jid_number(2));
  EXPECT_THAT(jids(value_of(store().list_jobs({.from = time, .until = time + 2}))), ElementsAre(jid_number(3), jid_number(2)));
  EXPECT_THAT(jids(value_of(store().list_jobs({.until = time}))), ElementsAre(jid_number(1)));
  EXPECT_THAT(jids(value_of(store().list_jobs({.before = jid_number(3), .from = time, .until = time + 9}))), ElementsAre(jid_number(2)));
  EXPECT_THAT(jids(value_of(store().list_jobs({.from = time + 9}))), IsEmpty());
}

TEST_P(StoreContract, ATimeBeyondAllJidsIsNoError) {
  publish(make_job(1, minions({"a"})));
  EXPECT_THAT(jids(value_of(store().list_jobs({.from = -1, .until = std::numeric_limits<UnixMicros>::max()}))), ElementsAre(jid_number(1)));
  EXPECT_THAT(jids(value_of(store().list_jobs({.from = std::numeric_limits<UnixMicros>::max()}))), IsEmpty());
}

TEST_P(StoreContract, JobsAreFoundByFunctionUserAndTargetExactly) {
  publish(job_of(1, "cmd.run", "ann", "web*"));
  publish(job_of(2, "cmd.run_all", "bob", "web*"));
  publish(job_of(3, "cmd.run", "bob", "db*"));
  publish(job_of(4, "test.ping", "bob", "web"));
  EXPECT_THAT(jids(value_of(store().list_jobs({.function = "cmd.run"}))), ElementsAre(jid_number(3), jid_number(1)));
  EXPECT_THAT(jids(value_of(store().list_jobs({.user = "bob"}))), ElementsAre(jid_number(4), jid_number(3), jid_number(2)));
  EXPECT_THAT(jids(value_of(store().list_jobs({.target = "web*"}))), ElementsAre(jid_number(2), jid_number(1)));
  EXPECT_THAT(jids(value_of(store().list_jobs({.function = "cmd.run", .user = "bob", .target = "db*"}))), ElementsAre(jid_number(3)));
  EXPECT_THAT(jids(value_of(store().list_jobs({.function = "cmd.run", .user = "bob", .target = "web"}))), IsEmpty());
  EXPECT_THAT(jids(value_of(store().list_jobs({.function = "cmd.ru"}))), IsEmpty());
}

TEST_P(StoreContract, LongTargetsThatBeginAlikeAreToldApart) {
  const std::string list(1000, 'x');
  publish(job_of(1, "cmd.run", "root", list + "1"));
  publish(job_of(2, "cmd.run", "root", list + "2"));
  publish(job_of(3, "cmd.run", "root", list));
  EXPECT_THAT(jids(value_of(store().list_jobs({.target = list + "1"}))), ElementsAre(jid_number(1)));
  EXPECT_THAT(jids(value_of(store().list_jobs({.target = list}))), ElementsAre(jid_number(3)));
}

TEST_P(StoreContract, NamesOfAnyBytesAreFound) {
  publish(job_of(1, "cmd.run", "R\xc3\xa9my", "G@os:'Debian' and \"x\" % _"));
  EXPECT_THAT(jids(value_of(store().list_jobs({.user = "R\xc3\xa9my"}))), ElementsAre(jid_number(1)));
  EXPECT_THAT(jids(value_of(store().list_jobs({.target = "G@os:'Debian' and \"x\" % _"}))), ElementsAre(jid_number(1)));
}

TEST_P(StoreContract, AFoundJobGoesOnBehindItsPage) {
  for (int number = 1; number <= 6; ++number) publish(job_of(number, number % 2 == 0 ? "cmd.run" : "test.ping"));
  const auto first = value_of(store().list_jobs({.function = "cmd.run", .max = 1}));
  EXPECT_THAT(jids(first), ElementsAre(jid_number(6)));
  const auto rest = value_of(store().list_jobs({.before = first.next, .function = "cmd.run", .max = 2}));
  EXPECT_THAT(jids(rest), ElementsAre(jid_number(4), jid_number(2)));
  const auto last = value_of(store().list_jobs({.before = jid_number(2), .function = "cmd.run", .max = 2}));
  EXPECT_THAT(last.jobs, IsEmpty());
  EXPECT_TRUE(last.next.empty());
}

TEST_P(StoreContract, ReturnsWithoutSuccessAreCountedOnceAndNoMatchIsNone) {
  publish(make_job(1, minions({"a", "b", "c", "d", "e"})));
  Batch batch;
  batch.returns = {failure(1, "a"), failure(1, "a"), ended(1, "b", Outcome::kNoMatch, false), make_return(1, "c"),
                   ended(1, "d", Outcome::kRefused, false)};
  commit(batch);
  add(failure(1, "a"));
  add(ended(1, "e", Outcome::kInterrupted, false));
  EXPECT_EQ(newest_job().returned, 5U);
  EXPECT_EQ(newest_job().failed, 3U);
  restart();
  EXPECT_EQ(newest_job().failed, 3U);
}

TEST_P(StoreContract, JobsAreFoundByHowTheyEnded) {
  for (int number = 1; number <= 5; ++number) publish(job_of(number, number == 5 ? "test.ping" : "cmd.run"));
  Batch batch;
  batch.returns = {make_return(1, "a"), make_return(1, "b"),  // succeeded
                   failure(2, "a"),     make_return(2, "b"),  // failed
                   failure(3, "a"),                           // failed, and one is missing
                   make_return(4, "a"),                       // one is missing
                   failure(5, "a"),     ended(5, "b", Outcome::kNoMatch, false),
                   failure(9, "a")};  // failed; late, which is nobody's
  commit(batch);
  EXPECT_THAT(jids(value_of(store().list_jobs({.ending = Ending::kSucceeded}))), ElementsAre(jid_number(1)));
  EXPECT_THAT(jids(value_of(store().list_jobs({.ending = Ending::kMissing}))), ElementsAre(jid_number(4), jid_number(3)));
  EXPECT_THAT(jids(value_of(store().list_jobs({.ending = Ending::kFailed}))), ElementsAre(jid_number(5), jid_number(3), jid_number(2)));
  EXPECT_THAT(jids(value_of(store().list_jobs({.function = "cmd.run", .ending = Ending::kFailed}))),
              ElementsAre(jid_number(3), jid_number(2)));
  EXPECT_THAT(jids(value_of(store().list_jobs({.before = jid_number(3), .ending = Ending::kFailed}))), ElementsAre(jid_number(2)));
}

TEST_P(StoreContract, AJobThatHasOnlyReturnsOfNoMatchHasSucceeded) {
  publish(make_job(1, minions({"a"})));
  add(ended(1, "a", Outcome::kNoMatch, false));
  EXPECT_THAT(jids(value_of(store().list_jobs({.ending = Ending::kSucceeded}))), ElementsAre(jid_number(1)));
}

TEST_P(StoreContract, AQueryThatMatchesNothingEndsAtItsBoundAndGoesOnFromThere) {
  for (int number = 1; number <= 10; ++number) publish(job_of(number, "cmd.run", number == 1 ? "ann" : "bob"));
  JobQuery query{.function = "cmd.run", .user = "ann", .max_looked_at = 4};
  const auto first = value_of(store().list_jobs(query));
  EXPECT_THAT(first.jobs, IsEmpty());
  EXPECT_EQ(first.next, jid_number(7));
  query.before = first.next;
  const auto second = value_of(store().list_jobs(query));
  EXPECT_THAT(second.jobs, IsEmpty());
  EXPECT_EQ(second.next, jid_number(3));
  query.before = second.next;
  const auto third = value_of(store().list_jobs(query));
  EXPECT_THAT(jids(third), ElementsAre(jid_number(1)));
  EXPECT_TRUE(third.next.empty());
}

TEST_P(StoreContract, APageEndsWhenItsTextsAreLarge) {
  Batch batch;
  for (int number = 1; number <= 3; ++number) {
    batch.jobs.push_back(make_job(number, minions({"a"})));
    batch.jobs.back().arguments = std::string(JobSieve::kMaxBytes / 2 + 1, 'x');
  }
  commit(batch);
  const auto first = value_of(store().list_jobs({}));
  EXPECT_THAT(jids(first), ElementsAre(jid_number(3), jid_number(2)));
  EXPECT_THAT(jids(value_of(store().list_jobs({.before = first.next}))), ElementsAre(jid_number(1)));
}

TEST_P(StoreContract, AForgottenJobIsFoundByNothing) {
  auto kept = job_of(2, "cmd.run");
  kept.forget_at = 50'000;
  publish(job_of(1, "cmd.run"));
  publish(kept);
  add(failure(1, "a"));
  EXPECT_EQ(expire(20'000), 1U);
  publish(job_of(3, "test.ping"));
  EXPECT_THAT(jids(value_of(store().list_jobs({.function = "cmd.run"}))), ElementsAre(jid_number(2)));
  EXPECT_THAT(jids(value_of(store().list_jobs({.user = "root"}))), ElementsAre(jid_number(3), jid_number(2)));
  EXPECT_THAT(jids(value_of(store().list_jobs({.target = "web*"}))), ElementsAre(jid_number(3), jid_number(2)));
  EXPECT_THAT(jids(value_of(store().list_jobs({.ending = Ending::kFailed}))), IsEmpty());
}

TEST_P(StoreContract, ARepeatedSubmissionIsNotFoundUnderWhatItAskedForTheSecondTime) {
  publish(job_of(1, "cmd.run"));
  auto again = job_of(2, "test.ping");
  again.submission = submission(1);
  publish(again);
  EXPECT_THAT(jids(value_of(store().list_jobs({.function = "test.ping"}))), IsEmpty());
}

}  // namespace brine::store
