#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "returners/returner.h"
#include "tests/unit/returners/outbox_entries.h"

namespace brine::returners {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;
using testing::Not;

TEST(ReturnAsJson, HasTheFieldsThatAllReturnersShare) {
  store::OutboxEntry entry = entry_number(7, R"({"load":[0.1,0.2]})");
  entry.value.retcode = 3;
  entry.value.success = false;
  const Json json = Json::parse(to_json(entry, "m"));
  EXPECT_EQ(json["jid"], entry.value.jid.str());
  EXPECT_EQ(json["id"], "web7");
  EXPECT_EQ(json["fun"], "test.ping");
  EXPECT_EQ(json["outcome"], "returned");
  EXPECT_EQ(json["success"], false);
  EXPECT_EQ(json["retcode"], 3);
  EXPECT_EQ(json["received"], 1'790'000'001'000'000);
  EXPECT_EQ(json["duration_us"], 250);
  EXPECT_EQ(json["return"], (Json{{"load", {0.1, 0.2}}}));
  EXPECT_FALSE(json.contains("late"));
}

TEST(ReturnAsJson, NamesItsSchemaItsKindAndWhoDelivers) {
  const Json json = Json::parse(to_json(entry_number(1), "master-a"));
  EXPECT_EQ(json["schema"], 1);
  EXPECT_EQ(json["kind"], "return");
  EXPECT_EQ(json["master"], "master-a");
}

TEST(EventAsJson, HasItsTagItsDataAndAnIdThatNoOtherHas) {
  const Json json = Json::parse(to_json(event_number(3), "m"));
  EXPECT_EQ(json["schema"], 1);
  EXPECT_EQ(json["kind"], "event");
  EXPECT_EQ(json["event_id"], "m:1:3");
  EXPECT_EQ(json["tag"], "brine/minion/web3/start");
  EXPECT_EQ(json["data"], (Json{{"id", "web"}}));
  EXPECT_EQ(json["stamp"], 1'790'000'001'000'000);
  EXPECT_FALSE(json.contains("jid"));
}

TEST(ReturnAsJson, LateReturnIsMarked) {
  store::OutboxEntry entry = entry_number(1);
  entry.late = true;
  entry.function.clear();
  const Json json = Json::parse(to_json(entry, "m"));
  EXPECT_EQ(json["late"], true);
  EXPECT_EQ(json["fun"], "");
}

TEST(ReturnAsJson, EveryOutcomeHasItsName) {
  const std::vector<std::pair<store::Outcome, std::string>> names{{store::Outcome::kReturned, "returned"},
                                                                  {store::Outcome::kInterrupted, "interrupted"},
                                                                  {store::Outcome::kRefused, "refused"},
                                                                  {store::Outcome::kNoMatch, "no_match"},
                                                                  {store::Outcome::kUnknown, "unknown"}};
  for (const auto& [outcome, name] : names) {
    store::OutboxEntry entry = entry_number(1);
    entry.value.outcome = outcome;
    EXPECT_EQ(Json::parse(to_json(entry, "m"))["outcome"], name);
  }
}

TEST(ReturnAsJson, NumbersAreNotRewritten) {
  EXPECT_THAT(to_json(entry_number(1, "[1e400, 0.10, 12345678901234567890123]"), "m"), HasSubstr("[1e400, 0.10, 12345678901234567890123]"));
}

TEST(ReturnAsJson, TextThatIsNotJsonBecomesAString) {
  EXPECT_EQ(Json::parse(to_json(entry_number(1, "hello"), "m"))["return"], "hello");
  EXPECT_EQ(Json::parse(to_json(entry_number(1, ""), "m"))["return"], "");
  EXPECT_EQ(Json::parse(to_json(entry_number(1, "{\"a\": 1"), "m"))["return"], "{\"a\": 1");
}

TEST(ReturnAsJson, BytesThatAreNotUtf8BecomeReadableJson) {
  const std::string text = to_json(entry_number(1, std::string("\xff\xfe\0x", 4)), "m");
  EXPECT_TRUE(Json::accept(text));
  EXPECT_THAT(Json::parse(text)["return"].get<std::string>(), HasSubstr("x"));
}

TEST(ReturnAsJson, PayloadCannotEndItsValue) {
  const Json json = Json::parse(to_json(entry_number(1, "1, \"id\": \"db1\""), "m"));
  EXPECT_EQ(json["id"], "web1");
  EXPECT_EQ(json["return"], "1, \"id\": \"db1\"");
}

TEST(ReturnAsJson, PayloadCannotWriteLinesOfItsOwn) {
  const std::string forged = "[\n{\"jid\": \"1\", \"id\": \"db1\"}\r\n, \"a\\nb\"]";
  const std::string text = to_json(entry_number(1, forged), "m");
  EXPECT_THAT(text, Not(HasSubstr("\n")));
  EXPECT_THAT(text, Not(HasSubstr("\r")));
  EXPECT_EQ(Json::parse(text)["return"], Json::parse(forged));
}

}  // namespace
}  // namespace brine::returners
