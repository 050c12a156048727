#include "master/discovery.h"

#include <gmock/gmock.h>

namespace brine::master {
namespace {

using testing::HasSubstr;

using Json = nlohmann::json;

DiscoveryQuery query(std::uint16_t port = 0) {
  DiscoveryQuery query;
  query.mine.name = "addr";
  query.port = port;
  query.grains = {"os", "node:role"};
  return query;
}

// The targets, comma between them; "-" when there is no group.
std::string targets(const std::string& value, std::uint16_t port = 0) {
  const auto group = target_group({{MinionId::trusted("m"), value, "", 1, true}, {"", ""}}, query(port));
  if (!group) return "-";
  std::string all;
  for (const Json& target : group->at("targets")) all += (all.empty() ? "" : ",") + target.get<std::string>();
  return all;
}

TEST(Discovery, AnAddressWithItsPortIsATarget) {
  EXPECT_EQ(targets(R"("10.0.0.1:9100")"), "10.0.0.1:9100");
  EXPECT_EQ(targets(R"("[2001:db8::1]:9100")"), "[2001:db8::1]:9100");
  EXPECT_EQ(targets(R"("web1.example.com:80")", 9100), "web1.example.com:80");
}

TEST(Discovery, AnAddressWithoutOneGetsThePortOfTheQuery) {
  EXPECT_EQ(targets(R"("10.0.0.1")", 9100), "10.0.0.1:9100");
  EXPECT_EQ(targets(R"("2001:db8::1")", 9100), "[2001:db8::1]:9100");
  EXPECT_EQ(targets(R"("10.0.0.1")"), "-");
}

TEST(Discovery, AListIsSeveralTargetsWithoutLoopback) {
  EXPECT_EQ(targets(R"(["127.0.0.1","10.0.0.1","::1","10.0.0.2:80"])", 9100), "10.0.0.1:9100,10.0.0.2:80");
  EXPECT_EQ(targets(R"("127.0.0.1:80")"), "127.0.0.1:80");
}

TEST(Discovery, WhatIsNoAddressIsLeftOut) {
  for (const char* value : {"1", "null", "true", R"("")", R"("a b:80")", R"("http://x/y:80")", R"("x:99999")", R"("ipc:///run/x")",
                            R"([1,{}])", R"({"host":"x"})", R"("x/../y:80")"})
    EXPECT_EQ(targets(value, 9100), "-") << value;
}

TEST(Discovery, LabelsTellTheMinionItsGrainsAndWhatItSays) {
  const auto group = target_group(
      {{MinionId::trusted("m"), R"({"targets":["a:1"],"labels":{"tier":"x","__metrics_path__":"/m"}})", "", 1, true}, {"Debian", "web"}},
      query());
  ASSERT_TRUE(group);
  EXPECT_EQ(group->at("labels"), Json::parse(R"({"tier":"x","__metrics_path__":"/m","__meta_brine_id":"m","__meta_brine_fun":"addr",
                                                 "__meta_brine_grain_os":"Debian","__meta_brine_grain_node_role":"web"})"));
}

TEST(Discovery, AMinionCannotForgeWhoItIsOrWhereItIsAsked) {
  const auto group = target_group(
      {{MinionId::trusted("m"),
        R"({"targets":"a:1","labels":{"__address__":"b:1","__meta_brine_id":"other","__param_x":"y","a-b":"c","n":1}})", "", 1, true},
       {}},
      query());
  ASSERT_TRUE(group);
  EXPECT_EQ(group->at("labels"), Json::parse(R"({"__meta_brine_id":"m","__meta_brine_fun":"addr"})"));
}

TEST(Discovery, WhatNotEverybodyMayReadIsNotServed) {
  EXPECT_FALSE(target_group({{MinionId::trusted("m"), R"("a:1")", "glob x", 1, true}, {}}, query()));
}

TEST(Discovery, AQueryHasDefaults) {
  const auto read = read_discovery_query({{"fun", "addr"}});
  ASSERT_TRUE(read);
  EXPECT_EQ(read->mine.target_kind, "glob");
  EXPECT_EQ(read->mine.target, "*");
  EXPECT_TRUE(read->mine.settled);
  const auto full =
      read_discovery_query({{"fun", "a"}, {"tgt", "role:x"}, {"tgt_type", "grain"}, {"port", "9100"}, {"grains", "os,,role"}});
  ASSERT_TRUE(full);
  EXPECT_EQ(full->mine.target, "role:x");
  EXPECT_EQ(full->port, 9100);
  EXPECT_EQ(full->grains, (std::vector<std::string>{"os", "role"}));
}

TEST(Discovery, AWrongQueryIsExplained) {
  EXPECT_THAT(read_discovery_query({}).error().message, HasSubstr("fun is missing"));
  EXPECT_THAT(read_discovery_query({{"fun", "a"}, {"target", "x"}}).error().message, HasSubstr("no parameter 'target'"));
  for (const char* port : {"0", "x", "70000", "80x", ""})
    EXPECT_THAT(read_discovery_query({{"fun", "a"}, {"port", port}}).error().message, HasSubstr("1 to 65535")) << port;
}

}  // namespace
}  // namespace brine::master
