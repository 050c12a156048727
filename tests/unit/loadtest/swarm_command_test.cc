#include "loadtest/swarm_command.h"

#include <gmock/gmock.h>

namespace brine::loadtest {
namespace {

using Kind = SwarmCommand::Kind;
using testing::HasSubstr;

std::string complaint(std::string_view line) {
  const auto command = parse_swarm_command(line);
  return command ? "" : command.error().message;
}

TEST(SwarmCommand, ReadsEachKindWithWhatItNeeds) {
  EXPECT_EQ(parse_swarm_command(R"({"do": "stop"})")->kind, Kind::kStop);
  EXPECT_EQ(parse_swarm_command(R"({"do": "drop_all"})")->kind, Kind::kDropAll);
  EXPECT_EQ(parse_swarm_command(R"({"do": "join", "count": 7})")->count, 7U);
  EXPECT_EQ(parse_swarm_command(R"({"do": "half_open", "count": 7})")->time, milliseconds(0));
  EXPECT_EQ(parse_swarm_command(R"({"do": "half_open", "count": 7, "seconds": 1.5})")->time, milliseconds(1'500));
  EXPECT_EQ(parse_swarm_command(R"({"do": "flap", "count": 7, "every_ms": 250})")->time, milliseconds(250));
  EXPECT_EQ(parse_swarm_command(R"({"do": "slow_reader", "count": 7, "bytes_per_second": 99})")->bytes_per_second, 99U);
}

TEST(SwarmCommand, SaysWhatIsWrong) {
  EXPECT_THAT(complaint(R"({"do": "dorp", "count": 1})"), HasSubstr("did you mean 'drop'?"));
  EXPECT_THAT(complaint(R"({"do": "drop"})"), HasSubstr("'count' is missing"));
  EXPECT_THAT(complaint(R"({"do": "flap", "count": 1})"), HasSubstr("'every_ms' is missing"));
  EXPECT_THAT(complaint(R"({"do": "drop", "count": 1, "seconds": 1})"), HasSubstr("unknown key 'seconds'"));
  EXPECT_THAT(complaint(R"({"count": 1})"), HasSubstr("'do' is missing"));
  EXPECT_THAT(complaint("drop 5"), HasSubstr("not a JSON object"));
}

}  // namespace
}  // namespace brine::loadtest
