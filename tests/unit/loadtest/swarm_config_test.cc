#include "loadtest/swarm_config.h"

#include <gmock/gmock.h>

namespace brine::loadtest {
namespace {

using testing::HasSubstr;

std::string complaint(std::string_view json) {
  const auto config = parse_swarm_config(json);
  return config ? "" : config.error().message;
}

TEST(SwarmConfig, ReadsEveryKey) {
  const auto config = parse_swarm_config(R"({"masters": ["tcp://127.0.0.1:4506"], "master_finger": "aa", "count": 10, "first": 5,
    "id_prefix": "node", "join_token": "0123456789abcdef.00112233445566778899aabbccddeeff", "threads": 2, "source_ips": true, "ramp_per_second": 500, "grains_bytes": 4096, "journal": "file",
    "folder": "/f", "heartbeat_ms": 100, "heartbeat_timeout_ms": 300, "recon_default_ms": 10, "recon_max_ms": 20,
    "answer": {"delay_ms": {"mean": 5, "max": 50}, "bytes": 99, "failure_ratio": 0.25},
    "mine": {"entries": 2, "bytes": 40, "change_every_ms": 700}, "seed": 7, "log_level": "info"})");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->masters, std::vector<std::string>{"tcp://127.0.0.1:4506"});
  EXPECT_EQ(config->master_finger, "aa");
  EXPECT_EQ(config->count, 10U);
  EXPECT_EQ(config->first, 5U);
  EXPECT_EQ(config->id_prefix, "node");
  EXPECT_EQ(config->join_token, "0123456789abcdef.00112233445566778899aabbccddeeff");
  EXPECT_EQ(config->threads, 2U);
  EXPECT_TRUE(config->source_ips);
  EXPECT_EQ(config->ramp_per_second, 500);
  EXPECT_EQ(config->grains_bytes, 4'096U);
  EXPECT_EQ(config->journal, JournalKind::kFile);
  EXPECT_EQ(config->folder, "/f");
  EXPECT_EQ(config->heartbeat, milliseconds(100));
  EXPECT_EQ(config->heartbeat_timeout, milliseconds(300));
  EXPECT_EQ(config->recon_default, milliseconds(10));
  EXPECT_EQ(config->recon_max, milliseconds(20));
  EXPECT_EQ(config->answer.delay_mean, milliseconds(5));
  EXPECT_EQ(config->answer.delay_max, milliseconds(50));
  EXPECT_EQ(config->answer.bytes, 99U);
  EXPECT_EQ(config->answer.failure_ratio, 0.25);
  EXPECT_EQ(config->mine.entries, 2U);
  EXPECT_EQ(config->mine.bytes, 40U);
  EXPECT_EQ(config->mine.change_every, milliseconds(700));
  EXPECT_EQ(config->seed, 7U);
}

TEST(SwarmConfig, AnUnknownKeyIsNamedWithTheNearestOne) {
  EXPECT_THAT(complaint(R"({"masters": ["tcp://a:1"], "count": 1, "thread": 2})"), HasSubstr("unknown key 'thread'"));
  EXPECT_THAT(complaint(R"({"masters": ["tcp://a:1"], "count": 1, "thread": 2})"), HasSubstr("did you mean 'threads'?"));
  EXPECT_THAT(complaint(R"({"masters": ["tcp://a:1"], "count": 1, "answer": {"byte": 2}})"), HasSubstr("'byte' in 'answer'"));
}

TEST(SwarmConfig, WhatIsMissingOrOfTheWrongKindIsNamed) {
  EXPECT_THAT(complaint(R"({"count": 1})"), HasSubstr("'masters' is missing"));
  EXPECT_THAT(complaint(R"({"masters": ["tcp://a:1"]})"), HasSubstr("'count' is missing"));
  EXPECT_THAT(complaint(R"({"masters": "tcp://a:1", "count": 1})"), HasSubstr("'masters' in the configuration has to be a list"));
  EXPECT_THAT(complaint(R"({"masters": ["127.0.0.1"], "count": 1})"), HasSubstr("tcp://host:port"));
  EXPECT_THAT(complaint(R"({"masters": ["tcp://a:1"], "count": -1})"), HasSubstr("'count'"));
  EXPECT_THAT(complaint(R"({"masters": ["tcp://a:1"], "count": 1.5})"), HasSubstr("whole number"));
  EXPECT_THAT(complaint(R"({"masters": ["tcp://a:1"], "count": 1, "journal": "disk"})"), HasSubstr("\"memory\" or \"file\""));
  EXPECT_THAT(complaint(R"({"masters": ["tcp://a:1"], "count": 1, "journal": "file"})"), HasSubstr("'folder' is missing"));
  EXPECT_THAT(complaint(R"({"masters": ["tcp://a:1"], "count": 1, "id_prefix": "../x"})"), HasSubstr("'id_prefix'"));
  EXPECT_THAT(complaint(R"({"masters": ["tcp://a:1"], "count": 1, "join_token": "x"})"), HasSubstr("'join_token'"));
  EXPECT_THAT(complaint("[1]"), HasSubstr("not a JSON object"));
  EXPECT_THAT(complaint("{"), HasSubstr("not a JSON object"));
}

}  // namespace
}  // namespace brine::loadtest
