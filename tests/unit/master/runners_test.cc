#include "master/runners.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brine::master {
namespace {

using testing::HasSubstr;
using testing::Not;

class RunnersTest : public testing::Test {
 protected:
  RunnersTest() {
    runners.add({"jobs.lookup_jid",
                 "jobs.lookup_jid(jid, [verbose])",
                 1,
                 {"jid", "verbose"},
                 "Looks.",
                 [this](const RunnerCall& call) -> Result<Json> {
                   ++calls;
                   return Json{{"jid", call.get(0, "jid")}, {"verbose", call.get(1, "verbose")}};
                 }});
    runners.add({"manage.status", "manage.status()", 0, {}, "Asks.", [this](const RunnerCall&) -> Result<Json> {
                   ++calls;
                   return fail(Code::kUnavailable, "the store is away");
                 }});
  }
  Error error_of(std::string_view name, std::string_view arguments) {
    auto result = runners.run(name, arguments);
    EXPECT_FALSE(result.has_value());
    return result ? Error{} : result.error();
  }

  Runners runners;
  int calls = 0;
};

TEST_F(RunnersTest, ArgumentsAreTakenByPlaceAndByName) {
  EXPECT_EQ(*runners.run("jobs.lookup_jid", R"({"args": ["1"]})"), (Json{{"jid", "1"}, {"verbose", nullptr}}));
  EXPECT_EQ(*runners.run("jobs.lookup_jid", R"({"kwargs": {"verbose": true, "jid": "1"}})"), (Json{{"jid", "1"}, {"verbose", true}}));
  EXPECT_EQ(*runners.run("jobs.lookup_jid", R"({"args": ["1"], "kwargs": {"verbose": 2}})"), (Json{{"jid", "1"}, {"verbose", 2}}));
}

TEST_F(RunnersTest, UnknownNameIsAnsweredWithTheNearest) {
  const Error error = error_of("jobs.lookup", "{}");
  EXPECT_EQ(error.code, Code::kInvalid);
  EXPECT_THAT(error.message, HasSubstr("'jobs.lookup' is not a runner"));
  EXPECT_THAT(error.message, HasSubstr("did you mean jobs.lookup_jid?"));
  EXPECT_THAT(error.message, Not(HasSubstr("manage.status")));
}

TEST_F(RunnersTest, NameLikeNoneIsAnsweredWithWhereToLook) {
  EXPECT_THAT(error_of("xyzzy", "{}").message, HasSubstr("brine-run -d lists them"));
}

TEST_F(RunnersTest, VeryLongNameIsJustUnknown) { EXPECT_EQ(error_of(std::string(100'000, 'j'), "{}").code, Code::kInvalid); }

TEST_F(RunnersTest, MissingArgumentShowsTheUsage) {
  const Error error = error_of("jobs.lookup_jid", "{}");
  EXPECT_EQ(error.code, Code::kInvalid);
  EXPECT_THAT(error.message, HasSubstr("'jid' is missing"));
  EXPECT_THAT(error.message, HasSubstr("jobs.lookup_jid(jid, [verbose])"));
  EXPECT_EQ(calls, 0);
}

TEST_F(RunnersTest, NullIsAMissingArgument) {
  EXPECT_THAT(error_of("jobs.lookup_jid", R"({"args": [null]})").message, HasSubstr("'jid' is missing"));
}

TEST_F(RunnersTest, TooManyArgumentsShowTheUsage) {
  EXPECT_THAT(error_of("jobs.lookup_jid", R"({"args": ["1", true, 3]})").message, HasSubstr("too many arguments; usage: jobs.lookup_jid("));
  EXPECT_THAT(error_of("manage.status", R"({"args": [1]})").message, HasSubstr("too many arguments"));
}

TEST_F(RunnersTest, UnknownKeywordIsNamed) {
  const Error error = error_of("jobs.lookup_jid", R"({"args": ["1"], "kwargs": {"verbos": true}})");
  EXPECT_THAT(error.message, HasSubstr("no parameter 'verbos'"));
  EXPECT_THAT(error.message, HasSubstr("usage"));
  EXPECT_EQ(calls, 0);
}

TEST_F(RunnersTest, ArgumentsThatAreNoObjectAreRefused) {
  for (const auto* arguments : {"[1]", "{", "7", "\"x\"", "null"})
    EXPECT_EQ(error_of("manage.status", arguments).code, Code::kInvalid) << arguments;
}

TEST_F(RunnersTest, NoArgumentsAtAllMeanNone) { EXPECT_EQ(error_of("manage.status", "").code, Code::kUnavailable); }

TEST_F(RunnersTest, ErrorOfTheRunnerIsPassedOn) {
  EXPECT_EQ(error_of("manage.status", "{}").message, "the store is away");
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace brine::master
