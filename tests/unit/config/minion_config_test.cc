#include "config/minion_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/config_files.h"
#include "tests/unit/config/config_folder.h"

namespace brine::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class MinionConfigTest : public testing::Test {
 protected:
  MinionConfig load(std::string_view text) {
    folder_.write("minion", text);
    auto config = load_minion_config(folder_.path());
    EXPECT_TRUE(config) << (config ? "" : config.error().message);
    return config.value_or(MinionConfig{});
  }
  std::string complaint(std::string_view text) {
    folder_.write("minion", text);
    auto config = load_minion_config(folder_.path());
    return config ? "accepted" : config.error().message;
  }

  ConfigFolder folder_;
};

TEST_F(MinionConfigTest, FolderWithoutFilesGivesTheDefaults) {
  folder_.write("minion_id", "web1\n");
  const auto config = load_minion_config(folder_.path());
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->id.str(), "web1");
  EXPECT_THAT(config->master, ElementsAre(Address{.host = "brine", .port = 4506}));
  EXPECT_EQ(config->spool.path, "/var/cache/brine/minion/spool");
  EXPECT_EQ(config->grains, "{}");
  EXPECT_EQ(config->recon_default, milliseconds(1000));
  EXPECT_EQ(config->process_count_max, 8);
}

TEST_F(MinionConfigTest, MastersTakeMasterPortWhereTheyNameNone) {
  const MinionConfig config = load("id: a\nmaster_port: 5000\nmaster: [m1, 'm2:6000', '::1', 'ipc:///run/m']\n");
  EXPECT_THAT(config.master, ElementsAre(Address{.host = "m1", .port = 5000}, Address{.host = "m2", .port = 6000},
                                         Address{.host = "::1", .port = 5000}, Address{.ipc_path = "/run/m"}));
}

TEST_F(MinionConfigTest, OneMasterMayStandAlone) {
  EXPECT_THAT(load("id: a\nmaster: m1:7\n").master, ElementsAre(Address{.host = "m1", .port = 7}));
}

TEST_F(MinionConfigTest, AJoinTokenStandsInTheFileOrInAnotherOne) {
  const std::string token = "0123456789abcdef.00112233445566778899aabbccddeeff";
  EXPECT_EQ(load("id: a\njoin_token: " + token + "\n").join_token, token);
  folder_.write("token", token + "\nwhat else is there\n");
  EXPECT_EQ(load("id: a\njoin_token_file: " + folder_.file("token") + "\n").join_token, token);
  EXPECT_EQ(load("id: a\njoin_token_file: " + folder_.file("gone") + "\n").join_token, "");
  EXPECT_EQ(load("id: a\n").join_token, "");
}

TEST_F(MinionConfigTest, WhatIsNoJoinTokenIsRefusedAndNotRepeated) {
  const std::string complained = complaint("id: a\njoin_token: 0123456789abcdef.0011\n");
  EXPECT_THAT(complained, HasSubstr("minion:2: 'join_token' holds no join token: not a join token: brine-key --token-create"));
  EXPECT_THAT(complained, testing::Not(HasSubstr("0011")));
  folder_.write("token", "nonsense\n");
  EXPECT_THAT(complaint("id: a\njoin_token_file: " + folder_.file("token") + "\n"),
              HasSubstr("minion:2: 'join_token_file' holds no join token"));
  EXPECT_THAT(complaint("id: a\njoin_token: x\njoin_token_file: /y\n"), HasSubstr("give only one of"));
}

TEST_F(MinionConfigTest, WrongMastersAreRefused) {
  for (const char* text : {"master: []", "master: {a: b}", "master: 'a b'", "master: [m1, [m2]]", "master: m:99999", "master:"}) {
    EXPECT_THAT(complaint(text), HasSubstr("minion:1: 'master' must be a host, host:port or ipc:///path")) << text;
  }
}

TEST_F(MinionConfigTest, IdComesFromTheKeyThenTheFileThenTheHost) {
  folder_.write("minion_id", "  from-file  \nsecond line\n");
  EXPECT_EQ(load("id: from-key\n").id.str(), "from-key");
  EXPECT_EQ(load("log_level: info\n").id.str(), "from-file");
  folder_.write("minion_id", "\n");
  EXPECT_EQ(load("log_level: info\n").id.str(), host_name());
}

TEST_F(MinionConfigTest, WrongIdIsRefusedWithItsSource) {
  EXPECT_THAT(complaint("\nid: a/b\n"), StartsWith(folder_.file("minion") + ":2: 'id' cannot be 'a/b': "));
  folder_.write("minion_id", "..\n");
  EXPECT_THAT(complaint("log_level: info\n"), HasSubstr(folder_.file("minion_id") + " cannot be '..': "));
}

TEST_F(MinionConfigTest, GrainsBecomeJson) {
  EXPECT_EQ(load("id: a\ngrains:\n  roles: [web, db]\n  rack: 7\n").grains, R"({"roles":["web","db"],"rack":7})");
  EXPECT_THAT(complaint("grains: [a]\n"), HasSubstr("'grains' must be a map, not a list"));
}

TEST_F(MinionConfigTest, BackOffCountsMilliseconds) {
  const MinionConfig config = load("id: a\nrecon_default: 200\nrecon_max: 5s\n");
  EXPECT_EQ(config.recon_default, milliseconds(200));
  EXPECT_EQ(config.recon_max, seconds(5));
  EXPECT_THAT(complaint("id: a\nrecon_max: 100\n"),
              HasSubstr("minion:2: 'recon_max' (100ms) must not be shorter than 'recon_default' (1s)"));
}

TEST_F(MinionConfigTest, GrainsRefreshCountsMinutes) {
  EXPECT_EQ(load("id: a\ngrains_refresh_every: 5\n").grains_refresh_every, std::chrono::minutes(5));
  EXPECT_EQ(load("id: a\ngrains_refresh_every: 30s\n").grains_refresh_every, seconds(30));
}

TEST_F(MinionConfigTest, MetricsAreServedWhereTheFileSaysAndNowhereByDefault) {
  EXPECT_FALSE(load("id: a\n").metrics.listen);
  EXPECT_EQ(load("id: a\nmetrics: {listen: '127.0.0.1:9465'}\n").metrics.listen, (Address{.host = "127.0.0.1", .port = 9465}));
  EXPECT_THAT(complaint("id: a\nmetrics: {listen: 9465}\n"), HasSubstr("'metrics.listen' must be an address as host:port"));
}

TEST_F(MinionConfigTest, SpoolLiesBelowRootDir) {
  EXPECT_EQ(load("id: a\nroot_dir: /r\ncachedir: /c\n").spool.path, "/r/c/spool");
  EXPECT_EQ(load("id: a\nroot_dir: /r\nspool: {path: /s, max_bytes: 2MiB}\n").spool.path, "/r/s");
}

TEST_F(MinionConfigTest, MineFunctionsAreAMapOfNamesToArguments) {
  const auto functions = load(
                             "id: a\nmine_functions:\n  test.ping: []\n  x.y:\n  network.ip_addrs: [eth0, {cidr: 10.0.0.0/8}]\n  cmd.run: "
                             "{cmd: df, shell: sh}\n")
                             .mine_functions;
  ASSERT_EQ(functions.size(), 4U);
  EXPECT_EQ(functions[0].name, "test.ping");
  EXPECT_EQ(functions[0].function, "test.ping");
  EXPECT_EQ(functions[0].args, "[]");
  EXPECT_EQ(functions[0].kwargs, "{}");
  EXPECT_EQ(functions[0].allow_tgt, "");
  EXPECT_EQ(functions[1].args, "[]");
  EXPECT_EQ(functions[2].args, R"(["eth0"])");
  EXPECT_EQ(functions[2].kwargs, R"({"cidr":"10.0.0.0/8"})");
  EXPECT_EQ(functions[3].kwargs, R"({"cmd":"df","shell":"sh"})");
}

TEST_F(MinionConfigTest, AMineFunctionMayHaveAnAliasAndSayWhoReadsIt) {
  const auto functions = load(
                             "id: a\nmine_functions:\n  addr: [{mine_function: grains.get}, 'ipv4:0', {allow_tgt: 'G@r:x', allow_tgt_type: "
                             "compound}]\n  of: {mine_function: test.ping, allow_tgt: [b, c], allow_tgt_type: list}\n")
                             .mine_functions;
  ASSERT_EQ(functions.size(), 2U);
  EXPECT_EQ(functions[0].name, "addr");
  EXPECT_EQ(functions[0].function, "grains.get");
  EXPECT_EQ(functions[0].args, R"(["ipv4:0"])");
  EXPECT_EQ(functions[0].kwargs, "{}");
  EXPECT_EQ(functions[0].allow_tgt, "G@r:x");
  EXPECT_EQ(functions[0].allow_tgt_type, "compound");
  EXPECT_EQ(functions[1].allow_tgt, "b,c");
}

TEST_F(MinionConfigTest, MineFunctionsMayBeAList) {
  const auto functions = load("id: a\nmine_functions: [test.ping, {addr: [{mine_function: grains.get}, id]}]\n").mine_functions;
  ASSERT_EQ(functions.size(), 2U);
  EXPECT_EQ(functions[0].function, "test.ping");
  EXPECT_EQ(functions[1].name, "addr");
  EXPECT_EQ(functions[1].args, R"(["id"])");
}

TEST_F(MinionConfigTest, WrongMineFunctionsAreExplained) {
  EXPECT_THAT(complaint("id: a\nmine_functions: test.ping\n"), HasSubstr("minion:2: 'mine_functions' must be a map or a list"));
  EXPECT_THAT(complaint("id: a\nmine_functions:\n  test.ping: now\n"),
              HasSubstr("minion:3: 'mine_functions': the arguments of test.ping must be a list or a map"));
  EXPECT_THAT(complaint("id: a\nmine_functions: [a.b, a.b]\n"), HasSubstr("a.b comes twice"));
  EXPECT_THAT(complaint("id: a\nmine_functions: [[a.b]]\n"), HasSubstr("lists names, or maps of one name"));
  EXPECT_THAT(complaint("id: a\nmine_functions: {a.b: {allow_tgt: {x: y}}}\n"), HasSubstr("allow_tgt of a.b must be a target"));
}

TEST_F(MinionConfigTest, MineIntervalCountsMinutes) {
  EXPECT_EQ(load("id: a\n").mine_interval, std::chrono::hours(1));
  EXPECT_EQ(load("id: a\nmine_interval: 0.5\n").mine_interval, seconds(30));
  EXPECT_EQ(load("id: a\nmine_interval: 10s\n").mine_interval, seconds(10));
}

TEST_F(MinionConfigTest, KnownButUnusedKeysGiveWarnings) {
  EXPECT_THAT(load("id: a\nmine_enabled: true\n").warnings, ElementsAre(HasSubstr("minion:2: 'mine_enabled' is known, but not used")));
}

TEST_F(MinionConfigTest, MastersKeysAreUnknownHere) {
  EXPECT_THAT(complaint("auto_accept: true\n"), HasSubstr("unknown key 'auto_accept'"));
}

}  // namespace
}  // namespace brine::config
