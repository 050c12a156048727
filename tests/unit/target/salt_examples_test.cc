// What Salt's users type, and which minions answer.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "target/expression.h"
#include "target/grains.h"

namespace brine::target {
namespace {

constexpr std::string_view kWeb = R"({
  "id": "web1.example.com", "os": "Debian", "os_family": "Debian", "osrelease": "12", "osmajorrelease": 12, "num_cpus": 4,
  "mem_total": 7938, "load": 0.5, "cpu_flags": ["fpu", "vme", "sse4_2"], "roles": ["web", "cache"], "virtual": true, "container": false,
  "gid": null, "ipv4": ["127.0.0.1", "10.1.2.3"], "ipv6": ["::1", "fe80::5054:ff:fe12:3456"],
  "ip4_interfaces": {"eth0": ["10.1.2.3"], "lo": ["127.0.0.1"]}, "hwaddr_interfaces": {"eth0": "52:54:00:12:34:56"},
  "ec2": {"placement": {"zone": "eu-west-1a"}, "tags": [{"Name": "env", "Value": "prod"}, {"Name": "team", "Value": "core"}]},
  "matrix": [["a", "b"], ["c"]], "empty": {}, "none_here": [], "blank": "", "path": "C:\\Users", "url": "http://files/debian",
  "a.b": "dotted", "selinux": {"enabled": false, "enforced": "Disabled"}})";
constexpr std::string_view kDb = R"({"os": "CentOS Stream", "os_family": "RedHat", "roles": "db", "ipv4": "192.168.7.9", "num_cpus": 16})";

class SaltExamples : public testing::Test {
 protected:
  bool web(Kind kind, std::string_view text, char delimiter = ':') const {
    return parse(kind, text, delimiter).value().matches({"web1.example.com", &web_});
  }
  bool db(Kind kind, std::string_view text, char delimiter = ':') const {
    return parse(kind, text, delimiter).value().matches({"db1", &db_});
  }

  const Grains web_ = Grains::from_json(kWeb).value();
  const Grains db_ = Grains::from_json(kDb).value();
};

struct Example {
  Kind kind;
  std::string_view text;
  bool web;
  bool db;
};

TEST_F(SaltExamples, AnswerAsInSalt) {
  const std::vector<Example> examples = {
      // ids
      {Kind::kGlob, "*", true, true},
      {Kind::kGlob, "web*", true, false},
      {Kind::kGlob, "*.example.*", true, false},
      {Kind::kGlob, "web?.example.com", true, false},
      {Kind::kGlob, "web[1-5].example.com", true, false},
      {Kind::kGlob, "[!w]*", false, true},
      {Kind::kGlob, "WEB*", false, false},
      {Kind::kGlob, "web1", false, false},
      {Kind::kRegex, "web1", true, false},
      {Kind::kRegex, "web1$", false, false},
      {Kind::kRegex, "(web|db)1", true, true},
      {Kind::kRegex, ".*example", true, false},
      {Kind::kRegex, "example", false, false},
      {Kind::kRegex, "Web1", false, false},
      {Kind::kRegex, "(?i)WEB1", true, false},
      {Kind::kList, "web1.example.com,db1", true, true},
      {Kind::kList, " db1 , other,", false, true},
      {Kind::kList, "db", false, false},
      // grains
      {Kind::kGrain, "os:Debian", true, false},
      {Kind::kGrain, "os:debian", true, false},
      {Kind::kGrain, "os:Deb*", true, false},
      {Kind::kGrain, "os:Deb", false, false},
      {Kind::kGrain, "os:CentOS*", false, true},
      {Kind::kGrain, "OS:Debian", false, false},
      {Kind::kGrain, "os:*", true, true},
      {Kind::kGrain, "nothing:*", false, false},
      {Kind::kGrain, "osrelease:12", true, false},
      {Kind::kGrain, "osmajorrelease:12", true, false},
      {Kind::kGrain, "load:0.5", true, false},
      {Kind::kGrain, "virtual:True", true, false},
      {Kind::kGrain, "virtual:true", true, false},
      {Kind::kGrain, "virtual:1", false, false},
      {Kind::kGrain, "container:False", true, false},
      {Kind::kGrain, "gid:None", true, false},
      {Kind::kGrain, "roles:web", true, false},
      {Kind::kGrain, "roles:cache", true, false},
      {Kind::kGrain, "roles:db", false, true},
      {Kind::kGrain, "roles:*", true, true},
      {Kind::kGrain, "cpu_flags:sse4*", true, false},
      {Kind::kGrain, "none_here:*", false, false},
      {Kind::kGrain, "empty:*", false, false},
      {Kind::kGrain, "blank:", true, false},
      // nested
      {Kind::kGrain, "ec2:placement:zone:eu-west-1a", true, false},
      {Kind::kGrain, "ec2:placement:zone:eu-*", true, false},
      {Kind::kGrain, "ec2:placement:zone", true, false},
      {Kind::kGrain, "ec2:placement:*", true, false},
      {Kind::kGrain, "ec2:placement:place", false, false},
      {Kind::kGrain, "ec2:*:zone:eu-west-1a", true, false},
      {Kind::kGrain, "*:placement:zone:eu-west-1a", true, false},
      {Kind::kGrain, "*:Debian", true, false},
      {Kind::kGrain, "selinux:enabled:False", true, false},
      {Kind::kGrain, "ip4_interfaces:eth0:10.1.2.*", true, false},
      {Kind::kGrain, "ip4_interfaces:eth1:*", false, false},
      {Kind::kGrain, "ip4_interfaces:*:10.1.2.3", true, false},
      {Kind::kGrain, "a.b:dotted", true, false},
      // lists of dictionaries, and places in lists
      {Kind::kGrain, "ec2:tags:Name:env", true, false},
      {Kind::kGrain, "ec2:tags:Value:core", true, false},
      {Kind::kGrain, "ec2:tags:Value:test", false, false},
      {Kind::kGrain, "ec2:tags:Name", true, false},
      {Kind::kGrain, "ec2:tags:1:Value:core", true, false},
      {Kind::kGrain, "ec2:tags:0:Value:core", false, false},
      {Kind::kGrain, "ec2:tags:-1:Value:core", true, false},
      {Kind::kGrain, "roles:0:web", true, false},
      {Kind::kGrain, "roles:9:web", false, false},
      {Kind::kGrain, "matrix:c", true, false},
      // values with the delimiter in them
      {Kind::kGrain, "hwaddr_interfaces:eth0:52:54:00:12:34:56", true, false},
      {Kind::kGrain, "hwaddr_interfaces:eth0:52:54:*", true, false},
      {Kind::kGrain, "url:http://files/*", true, false},
      {Kind::kGrain, "path:C:\\Users", true, false},
      {Kind::kGrain, "ipv6:fe80::*", true, false},
      {Kind::kGrain, "ipv6:::1", true, false},
      // regular expressions on grains
      {Kind::kGrainRegex, "os:(Debian|CentOS)", true, true},
      {Kind::kGrainRegex, "os:deb", true, false},
      {Kind::kGrainRegex, "os:deb$", false, false},
      {Kind::kGrainRegex, "os:ebian", false, false},
      {Kind::kGrainRegex, "os_family:RED.+", false, true},
      {Kind::kGrainRegex, "roles:(db|cache)$", true, true},
      {Kind::kGrainRegex, "num_cpus:\\d\\d", false, true},
      {Kind::kGrainRegex, "ec2:placement:zone:eu-west-\\d[ab]", true, false},
      {Kind::kGrainRegex, "os:(?:Debian|CentOS)", true, true},
      // addresses
      {Kind::kSubnet, "10.1.2.3", true, false},
      {Kind::kSubnet, "10.1.0.0/16", true, false},
      {Kind::kSubnet, "10.2.0.0/16", false, false},
      {Kind::kSubnet, "192.168.7.0/24", false, true},
      {Kind::kSubnet, "fe80::/10", true, false},
      {Kind::kSubnet, "fe80:0::5054:ff:fe12:3456", true, false},
      {Kind::kSubnet, "0.0.0.0/0", true, true},
      // compounds
      {Kind::kCompound, "web* or db*", true, true},
      {Kind::kCompound, "G@os:Debian and web*", true, false},
      {Kind::kCompound, "not web*", false, true},
      {Kind::kCompound, "* and not G@os:Debian", false, true},
      {Kind::kCompound, "* not G@os:Debian", false, true},
      {Kind::kCompound, "G@os:Debian and ( web* or db* )", true, false},
      {Kind::kCompound, "(web* or db*)and not(S@10.0.0.0/8)", false, true},
      {Kind::kCompound, "web* and G@roles:db or db*", false, true},
      {Kind::kCompound, "db* or web* and G@roles:db", false, true},
      {Kind::kCompound, "P@os:(RedHat|Debian|CentOS)", true, true},
      {Kind::kCompound, "( P@os:(RedHat|Debian) )", true, false},
      {Kind::kCompound, "(P@os:(RedHat|Debian))", true, false},
      {Kind::kCompound, "E@web1\\.(dc1\\.)?example.com$ or L@db7,db8", true, false},
      {Kind::kCompound, "L@db1,web9", false, true},
      {Kind::kCompound, "S@10.1.2.3 or S@192.168.7.0/24", true, true},
      {Kind::kCompound, "G|@ec2|placement|zone|eu-west-1a", true, false},
      {Kind::kCompound, "G|@hwaddr_interfaces|eth0|52:54:00:12:34:56", true, false},
      {Kind::kCompound, "P#@os#deb.*n", true, false},
      {Kind::kCompound, "not not web*", true, false},
  };
  for (const Example& example : examples) {
    EXPECT_EQ(web(example.kind, example.text), example.web) << to_string(example.kind) << " " << example.text << " on web1";
    EXPECT_EQ(db(example.kind, example.text), example.db) << to_string(example.kind) << " " << example.text << " on db1";
  }
}

TEST_F(SaltExamples, AnotherDelimiterSeparatesKeys) {
  EXPECT_TRUE(web(Kind::kGrain, "ec2|placement|zone|eu-west-1a", '|'));
  EXPECT_TRUE(web(Kind::kGrain, "hwaddr_interfaces|eth0|52:54:00:12:34:56", '|'));
  EXPECT_FALSE(web(Kind::kGrain, "hwaddr_interfaces|eth0:52:54:00:12:34:56", '|'));
  EXPECT_TRUE(web(Kind::kGrainRegex, "ec2/placement/zone/eu-.*", '/'));
  EXPECT_TRUE(web(Kind::kCompound, "G@ec2:placement:zone:eu-*", '|')) << "compounds do not take it";
}

TEST_F(SaltExamples, WithoutGrainsOnlyIdsMatch) {
  const MinionView bare{"web1", nullptr};
  EXPECT_TRUE(parse(Kind::kGlob, "web*")->matches(bare));
  EXPECT_FALSE(parse(Kind::kGrain, "os:*")->matches(bare));
  EXPECT_FALSE(parse(Kind::kGrainRegex, "os:.*")->matches(bare));
  EXPECT_FALSE(parse(Kind::kSubnet, "0.0.0.0/0")->matches(bare));
  EXPECT_TRUE(parse(Kind::kCompound, "web* and not G@os:Debian")->matches(bare));
}

}  // namespace
}  // namespace brine::target
