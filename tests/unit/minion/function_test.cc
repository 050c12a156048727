#include "minion/function.h"

#include <gmock/gmock.h>

#include "tests/unit/minion/function_calls.h"

namespace brine::minion {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

Result<Outcome> show(const Call& call) { return Outcome{.value = {{"args", call.args}, {"kwargs", call.kwargs}}}; }

class Binding : public testing::Test {
 protected:
  Binding() {
    registry_.add({.name = "demo.two", .parameters = {{.name = "first"}, {.name = "second", .fallback = "[1]"}}, .body = show});
    registry_.add({.name = "demo.need", .parameters = {{.name = "this"}, {.name = "that"}}, .body = show});
    registry_.add({.name = "demo.rest",
                   .parameters = {{.name = "first"},
                                  {.name = "others", .variadic = true},
                                  {.name = "mode", .fallback = "null"},
                                  {.name = "kw", .keywords = true}},
                   .body = show});
    registry_.add({.name = "demo.throws", .body = [](const Call&) -> Result<Outcome> { throw std::runtime_error("boom"); }});
    registry_.add({.name = "demo.busy", .body = [](const Call&) -> Result<Outcome> { return fail(Code::kBusy, "later"); }});
  }

  Outcome run_with(std::string name, std::vector<Json> args, std::map<std::string, Json> kwargs = {}) {
    Call call;
    call.function = std::move(name);
    call.args = std::move(args);
    call.kwargs = std::move(kwargs);
    return run(registry_, call);
  }

  std::string failure_of(std::string name, std::vector<Json> args, std::map<std::string, Json> kwargs = {}) {
    const Outcome outcome = run_with(std::move(name), std::move(args), std::move(kwargs));
    EXPECT_EQ(outcome.retcode, kFailed);
    return outcome.value.is_string() ? outcome.value.get<std::string>() : "not a message: " + outcome.value.dump();
  }

  Registry registry_;
};

TEST_F(Binding, GivesPositionalArgumentsTheirNamesAndFillsDefaults) {
  EXPECT_EQ(run_with("demo.two", {"a"}).value, Json::parse(R"({"args": [], "kwargs": {"first": "a", "second": [1]}})"));
}

TEST_F(Binding, TakesArgumentsByName) {
  EXPECT_EQ(run_with("demo.two", {}, {{"second", 2}, {"first", 1}}).value["kwargs"], Json::parse(R"({"first": 1, "second": 2})"));
}

TEST_F(Binding, CollectsFurtherArgumentsAndKeywords) {
  EXPECT_EQ(run_with("demo.rest", {1, 2, 3}, {{"mode", "x"}, {"extra", true}}).value,
            Json::parse(R"({"args": [2, 3], "kwargs": {"first": 1, "mode": "x", "extra": true}})"));
}

TEST_F(Binding, NamesAllThatIsMissingAndShowsTheSignature) {
  EXPECT_EQ(failure_of("demo.need", {}), "demo.need: needs 'this' and 'that'\nUsage: demo.need(this, that)");
}

TEST_F(Binding, CountsArgumentsThatAreTooMany) {
  EXPECT_EQ(failure_of("demo.two", {1, 2, 3}),
            "demo.two: takes at most 2 arguments by position, got 3\nUsage: demo.two(first, second=[1])");
}

TEST_F(Binding, RefusesWhatIsGivenTwice) {
  EXPECT_THAT(failure_of("demo.two", {1}, {{"first", 2}}), StartsWith("demo.two: got 'first' twice: by position and by name"));
}

TEST_F(Binding, ProposesTheParameterThatWasMeant) {
  EXPECT_THAT(failure_of("demo.two", {1}, {{"secnd", 2}}), StartsWith("demo.two: there is no parameter 'secnd'; did you mean 'second'?"));
  EXPECT_THAT(failure_of("demo.two", {1}, {{"zzz", 2}}), StartsWith("demo.two: there is no parameter 'zzz'\n"));
}

TEST_F(Binding, LetsNoExceptionOut) { EXPECT_EQ(failure_of("demo.throws", {}), "demo.throws: failed inside: boom"); }

TEST_F(Binding, ShowsTheSignatureOnlyWhereTheInputWasWrong) { EXPECT_EQ(failure_of("demo.busy", {}), "demo.busy: later"); }

TEST(Signature, ShowsDefaultsAndWhatTakesTheRest) {
  const Function function{
      .name = "a.b",
      .parameters = {
          {.name = "x"}, {.name = "rest", .variadic = true}, {.name = "y", .fallback = "\"z\""}, {.name = "kw", .keywords = true}}};
  EXPECT_EQ(signature_of(function), "a.b(x, *rest, y=\"z\", **kw)");
}

TEST(UnknownFunction, IsAnsweredWithTheNearestNames) {
  FunctionCalls minion;
  const Outcome outcome = minion.run("test.pnig");
  EXPECT_EQ(outcome.retcode, kNoSuchFunction);
  EXPECT_THAT(outcome.value.get<std::string>(), StartsWith("'test.pnig' is not available. Did you mean test.ping"));
}

TEST(UnknownFunction, IsAnsweredWithTheWayToTheListWhenNothingLooksLikeIt) {
  FunctionCalls minion;
  EXPECT_EQ(minion.text("qqqqqqqqqq.xxxxxxxxxxxxxx"),
            "'qqqqqqqqqq.xxxxxxxxxxxxxx' is not available. sys.list_functions shows what this minion offers.");
  EXPECT_THAT(minion.text("zzzzzzzz"), HasSubstr("named module.function"));
}

TEST(UnknownFunction, MayHaveANameThatIsNoText) { EXPECT_TRUE(FunctionCalls().run("\xff\xfe").value.contains("__bytes__")); }

TEST(Registry, FindsNearestNamesFirst) {
  FunctionCalls minion;
  EXPECT_EQ(minion.registry.nearest("cmd.rum").front(), "cmd.run");
}

TEST(BytesToJson, KeepsTextAndWrapsWhatIsNoUtf8) {
  EXPECT_EQ(bytes_to_json("häh"), "häh");
  EXPECT_EQ(bytes_to_json("\xff\x01"), Json::parse(R"({"__bytes__": "/wE="})"));
}

}  // namespace
}  // namespace brine::minion
