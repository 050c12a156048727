#include "master/job_search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/engine/fake_clock.h"
#include "tests/unit/engine/memory_store.h"

namespace brine::master {
namespace {

using store::Outcome;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr UnixMicros kSecond = 1'000'000;
constexpr UnixMicros kHour = 3600 * kSecond;
constexpr UnixMicros kNoon = 1'795'435'200'000'000;  // 2026-11-23 12:00

class JobSearchTest : public testing::Test {
 protected:
  JobSearchTest() {
    clock.set_wall(kNoon);
    add_job_searches(runners, store, clock, [](const JobId& jid) -> Result<Json> { return Json{{"jid", jid.str()}}; });
  }

  // Of a job that was published so long ago, to the minions a and b.
  JobId publish(UnixMicros ago, std::string function = "cmd.run", std::string target = "*", std::string user = "root") {
    store::JobRecord job;
    job.jid = job_id_at(kNoon - ago);
    job.submission.bytes[0] = static_cast<std::uint8_t>(++submissions);
    job.function = std::move(function);
    job.arguments = R"({"args":["x"],"kwargs":{}})";
    job.target_kind = "glob";
    job.target = std::move(target);
    job.user = std::move(user);
    job.expected = {MinionId::trusted("a"), MinionId::trusted("b")};
    store.put_job(job);
    return job.jid;
  }
  void add(const JobId& jid, const std::string& minion, bool success, Outcome outcome = Outcome::kReturned,
           std::string payload = R"("text")") {
    store::Batch batch;
    batch.returns.push_back({.jid = jid,
                             .minion = MinionId::trusted(minion),
                             .outcome = outcome,
                             .retcode = success ? 0 : 3,
                             .success = success,
                             .payload = std::move(payload)});
    ASSERT_TRUE(store.commit(batch).has_value());
  }

  Json run(const std::string& name, const Json& kwargs = Json::object()) {
    auto result = runners.run(name, Json{{"args", Json::array()}, {"kwargs", kwargs}}.dump());
    EXPECT_TRUE(result.has_value()) << result.error().message;
    return result ? *result : Json();
  }
  Error error_of(const std::string& name, const Json& kwargs) {
    auto result = runners.run(name, Json{{"kwargs", kwargs}}.dump());
    EXPECT_FALSE(result.has_value()) << *result;
    return result ? Error{} : result.error();
  }
  std::vector<std::string> listed(const Json& kwargs) {
    std::vector<std::string> jids;
    const Json jobs = run("jobs.list_jobs", kwargs);
    for (const auto& [jid, job] : jobs.items()) jids.push_back(jid);
    return jids;
  }
  static std::vector<std::string> pairs_of(const Json& answer) {
    std::vector<std::string> pairs;
    for (const Json& failure : answer["failures"])
      pairs.push_back(failure["jid"].get<std::string>() + " " + failure["minion"].get<std::string>());
    return pairs;
  }

  engine::MemoryStore store;
  FakeClock clock;
  Runners runners;
  int submissions = 0;
};

// ---- times -----------------------------------------------------------------------------------------------------------------

TEST(JobTime, IsSoLongAgoOrADateOrAJid) {
  const auto jid_of = [&](const std::string& text) {
    const auto time = parse_time(text, kNoon);
    return time ? job_id_at(*time).str() : time.error().message;
  };
  EXPECT_EQ(jid_of("1h"), "20261123110000000000");
  EXPECT_EQ(jid_of("30m"), "20261123113000000000");
  EXPECT_EQ(jid_of("2d"), "20261121120000000000");
  EXPECT_EQ(jid_of("2026-11-22"), "20261122000000000000");
  EXPECT_EQ(jid_of("2026-11-22 03:01"), "20261122030100000000");
  EXPECT_EQ(jid_of("2026-11-22 03:01:18"), "20261122030118000000");
  EXPECT_EQ(jid_of("2026-11-22T03:01:18"), "20261122030118000000");
  EXPECT_EQ(jid_of("20261122030118000007"), "20261122030118000007");
}

TEST(JobTime, OfAnyOtherFormIsRefusedWithTheForms) {
  for (const char* text : {"", "30", "yesterday", "1x", "-1h", "2026-13-01", "2026-02-31", "2026-11-22 25:00", "2026-11-22 03",
                           "2026/11/22", "2026-11-22 03:01:18 ", "20269999999999999999"}) {
    const auto time = parse_time(text, kHour);
    ASSERT_FALSE(time.has_value()) << text;
    EXPECT_EQ(time.error().code, Code::kInvalid);
    EXPECT_THAT(time.error().message, HasSubstr("'2026-11-23 03:01:18' (UTC)"));
  }
}

TEST(JobTime, BeforeAllTimeIsItsBeginning) { EXPECT_EQ(parse_time("9000d", kHour), 1); }

// ---- jobs.list_jobs --------------------------------------------------------------------------------------------------------

TEST_F(JobSearchTest, AJobIsShownWithWhatWasAskedAndWhatCameOfIt) {
  const JobId jid = publish(kSecond);
  add(jid, "a", true);
  add(jid, "b", false);
  EXPECT_EQ(run("jobs.list_jobs")[jid.str()], (Json{{"Function", "cmd.run"},
                                                    {"Arguments", {"x"}},
                                                    {"Target", "*"},
                                                    {"Target-type", "glob"},
                                                    {"User", "root"},
                                                    {"StartTime", "2026, Nov 23 11:59:59.000000"},
                                                    {"Minions", 2},
                                                    {"Returned", 2},
                                                    {"Failed", 1}}));
}

TEST_F(JobSearchTest, JobsAreListedByFunctionTargetUserAndTime) {
  const std::string old = publish(3 * kHour).str();
  const std::string ann = publish(2 * kHour, "cmd.run", "web*", "ann").str();
  const std::string ping = publish(kHour, "test.ping", "web*").str();
  EXPECT_THAT(listed({{"function", "cmd.run"}}), ElementsAre(old, ann));
  EXPECT_THAT(listed({{"target", "web*"}}), ElementsAre(ann, ping));
  EXPECT_THAT(listed({{"user", "ann"}}), ElementsAre(ann));
  EXPECT_THAT(listed({{"since", "150m"}}), ElementsAre(ann, ping));
  EXPECT_THAT(listed({{"since", "1d"}, {"until", "150m"}}), ElementsAre(old));
  EXPECT_THAT(listed({{"function", "cmd.run"}, {"until", ann}}), ElementsAre(old));
}

TEST_F(JobSearchTest, JobsAreListedByHowTheyEnded) {
  const JobId failed = publish(30), missing = publish(20), succeeded = publish(10);
  for (const char* minion : {"a", "b"}) add(succeeded, minion, true);
  for (const char* minion : {"a", "b"}) add(failed, minion, false);
  add(missing, "a", true);
  EXPECT_THAT(listed({{"outcome", "failed"}}), ElementsAre(failed.str()));
  EXPECT_THAT(listed({{"outcome", "missing"}}), ElementsAre(missing.str()));
  EXPECT_THAT(listed({{"outcome", "succeeded"}}), ElementsAre(succeeded.str()));
}

TEST_F(JobSearchTest, PagesGoOnBeforeTheOldestJobShown) {
  const std::string first = publish(30).str(), second = publish(20).str(), third = publish(10).str();
  EXPECT_THAT(listed({{"count", 2}}), ElementsAre(second, third));
  EXPECT_THAT(listed({{"count", 2}, {"before", second}}), ElementsAre(first));
  EXPECT_THAT(listed({{"count", 2}, {"before", first}}), IsEmpty());
}

TEST_F(JobSearchTest, CountAndBeforeMayBeGivenByPlace) {
  const std::string first = publish(30).str(), second = publish(20).str();
  publish(10);
  const auto result = runners.run("jobs.list_jobs", Json{{"args", {1, second}}}.dump());
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->begin().key(), first);
  EXPECT_EQ(result->size(), 1U);
}

TEST_F(JobSearchTest, WrongArgumentsAreExplainedWithTheUsage) {
  const auto expect = [&](const std::string& runner, const Json& kwargs, const char* what) {
    const Error error = error_of(runner, kwargs);
    EXPECT_EQ(error.code, Code::kInvalid);
    EXPECT_THAT(error.message, HasSubstr(what));
    EXPECT_THAT(error.message, HasSubstr("; usage: " + runner + "("));
  };
  expect("jobs.list_jobs", {{"count", 0}}, "'count' is a number from 1 to 10000");
  expect("jobs.list_jobs", {{"count", -1}}, "'count' is");
  expect("jobs.list_jobs", {{"count", 10'001}}, "'count' is");
  expect("jobs.list_jobs", {{"count", "many"}}, "'count' is");
  expect("jobs.list_jobs", {{"before", "7"}}, "before: a jid is 20 digits");
  expect("jobs.list_jobs", {{"outcome", "bad"}}, "'outcome' is failed");
  expect("jobs.list_jobs", {{"since", "yesterday"}}, "since: 'yesterday' is no time");
  expect("jobs.list_jobs", {{"since", "1h"}, {"until", "2h"}}, "'since' is not earlier than 'until'");
  expect("jobs.list_jobs", {{"function", Json::array({1})}}, "'function' is a text");
  expect("jobs.failures", {{"since", "1 hour"}}, "since: '1 hour' is no time");
  expect("jobs.failures", {{"before", "20261123120000000000/../x"}}, "before: ");
  expect("jobs.last_run", {{"user", "ann"}}, "no parameter 'user'");
}

// ---- jobs.last_run ---------------------------------------------------------------------------------------------------------

TEST_F(JobSearchTest, TheLastRunOfAFunctionIsLookedUp) {
  publish(30, "state.apply", "db*");
  const std::string last = publish(20, "state.apply", "web*").str();
  const std::string newest = publish(10).str();
  EXPECT_EQ(run("jobs.last_run"), (Json{{"jid", newest}}));
  EXPECT_EQ(run("jobs.last_run", {{"function", "state.apply"}}), (Json{{"jid", last}}));
  EXPECT_NE(run("jobs.last_run", {{"function", "state.apply"}, {"target", "db*"}}), (Json{{"jid", last}}));
}

TEST_F(JobSearchTest, AFunctionThatNeverRanIsSaidToHaveNoJob) {
  const Error error = error_of("jobs.last_run", {{"function", "state.apply"}, {"target", "db*"}});
  EXPECT_EQ(error.code, Code::kNotFound);
  EXPECT_EQ(error.message, "no job of state.apply to 'db*' is kept");
}

// ---- jobs.failures ---------------------------------------------------------------------------------------------------------

TEST_F(JobSearchTest, FailuresAreThoseOfTheLastHourWithTheirText) {
  add(publish(2 * kHour), "a", false);
  const JobId jid = publish(kSecond, "cmd.run", "web*");
  add(jid, "a", true);
  add(jid, "b", false, Outcome::kReturned, R"({"stderr":"no such file"})");
  EXPECT_EQ(run("jobs.failures"), (Json{{"failures",
                                         {{{"jid", jid.str()},
                                           {"function", "cmd.run"},
                                           {"target", "web*"},
                                           {"minion", "b"},
                                           {"state", "returned"},
                                           {"retcode", 3},
                                           {"return", {{"stderr", "no such file"}}}}}}}));
  EXPECT_EQ(run("jobs.failures", {{"since", "3h"}})["failures"].size(), 2U);
}

TEST_F(JobSearchTest, AMinionThatDidNotMatchIsNoFailureAndARefusalIsOne) {
  const JobId jid = publish(kSecond);
  add(jid, "a", false, Outcome::kNoMatch);
  add(jid, "b", false, Outcome::kRefused);
  EXPECT_THAT(pairs_of(run("jobs.failures")), ElementsAre(jid.str() + " b"));
}

TEST_F(JobSearchTest, FailuresMayBeThoseOfAFunction) {
  add(publish(20, "test.ping"), "a", false);
  const JobId jid = publish(10);
  add(jid, "a", false);
  EXPECT_THAT(pairs_of(run("jobs.failures", {{"function", "cmd.run"}})), ElementsAre(jid.str() + " a"));
}

TEST_F(JobSearchTest, PagesOfFailuresGoOnWithinAJobAndHoldEachOnce) {
  const JobId older = publish(20), newer = publish(10);
  for (const JobId& jid : {older, newer}) {
    for (const char* minion : {"a", "b"}) add(jid, minion, false);
  }
  for (const int count : {1, 2, 3, 4}) {
    std::vector<std::string> all;
    Json kwargs{{"count", count}};
    for (Json page{{"next", ""}}; page.contains("next") && all.size() < 9;) {
      page = run("jobs.failures", kwargs);
      EXPECT_LE(page["failures"].size(), static_cast<std::size_t>(count));
      for (auto& pair : pairs_of(page)) all.push_back(std::move(pair));
      if (page.contains("next")) kwargs["before"] = page["next"];
    }
    EXPECT_THAT(all, ElementsAre(newer.str() + " a", newer.str() + " b", older.str() + " a", older.str() + " b")) << count;
  }
}

TEST_F(JobSearchTest, APageOfFailuresEndsWhenItsTextsAreLarge) {
  const JobId jid = publish(10);
  for (const char* minion : {"a", "b"}) add(jid, minion, false, Outcome::kReturned, '"' + std::string(8U << 20, 'x') + '"');
  const Json page = run("jobs.failures");
  EXPECT_EQ(page["failures"].size(), 1U);
  EXPECT_EQ(page["next"], jid.str() + "/a");
}

TEST_F(JobSearchTest, PagesGoOnWhenTheJobInBetweenWasForgotten) {
  const JobId jid = publish(20);
  add(jid, "a", false);
  EXPECT_THAT(pairs_of(run("jobs.failures", {{"before", job_id_at(kNoon - 10).str() + "/a"}})), ElementsAre(jid.str() + " a"));
}

TEST_F(JobSearchTest, WhileTheStoreIsAwayThatIsTheAnswer) {
  store.go_away("the disk is full");
  for (const char* runner : {"jobs.list_jobs", "jobs.last_run", "jobs.failures"})
    EXPECT_EQ(error_of(runner, Json::object()).code, Code::kUnavailable);
}

}  // namespace
}  // namespace brine::master
