#include "loadtest/load_config.h"

#include <gmock/gmock.h>

namespace brine::loadtest {
namespace {

using testing::HasSubstr;

std::string complaint(std::string_view json) {
  const auto config = parse_load_config(json);
  return config ? "" : config.error().message;
}

TEST(LoadConfig, ReadsAnOpenLoopOnRandomMinions) {
  const auto config = parse_load_config(R"({"operator": "/s", "seconds": 5, "rate": 100.5, "function": "cmd.run", "arguments": ["uptime"],
    "target": {"kind": "list-random", "prefix": "node", "first": 3, "count": 9}, "timeout_ms": 700, "connections": 8, "seed": 4,
    "jobs_log": "/l"})");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->rate, 100.5);
  EXPECT_TRUE(config->target.random_minion);
  EXPECT_EQ(config->target.prefix, "node");
  EXPECT_EQ(config->target.first, 3U);
  EXPECT_EQ(config->target.count, 9U);
  EXPECT_EQ(config->arguments, R"({"args":["uptime"],"kwargs":{}})");
  EXPECT_EQ(config->timeout, milliseconds(700));
  EXPECT_EQ(config->connections, 8U);
}

TEST(LoadConfig, SaysWhatIsMissing) {
  EXPECT_THAT(complaint(R"({"seconds": 1, "rate": 1})"), HasSubstr("'operator' is missing"));
  EXPECT_THAT(complaint(R"({"operator": "/s"})"), HasSubstr("'rate' has to be more than 0"));
  EXPECT_THAT(complaint(R"({"operator": "/s", "rate": 5})"), HasSubstr("'seconds' is missing"));
  EXPECT_THAT(complaint(R"({"operator": "/s", "closed": true})"), HasSubstr("'jobs' is missing"));
  EXPECT_THAT(complaint(R"({"operator": "/s", "closed": true, "jobs": 1, "target": {"kind": "list-random"}})"),
              HasSubstr("'count' is missing"));
  EXPECT_THAT(complaint(R"({"operator": "/s", "closed": true, "jobs": 1, "arguments": 5})"), HasSubstr("'arguments'"));
}

TEST(LoadConfig, AnUnknownKeyIsNamedWithTheNearestOne) {
  EXPECT_THAT(complaint(R"({"operator": "/s", "closed": true, "jobs": 1, "conections": 5})"), HasSubstr("did you mean 'connections'?"));
}

}  // namespace
}  // namespace brine::loadtest
