#include "config/master_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/unit/config/config_folder.h"

namespace brine::config {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

class MasterConfigTest : public testing::Test {
 protected:
  MasterConfig load(std::string_view text) {
    folder_.write("master", text);
    auto config = load_master_config(folder_.path());
    EXPECT_TRUE(config) << (config ? "" : config.error().message);
    return config.value_or(MasterConfig{});
  }
  // The complaints, with the folder's name taken out.
  std::string complaint() {
    auto config = load_master_config(folder_.path());
    if (config) return "accepted";
    std::string text = config.error().message;
    for (std::size_t at; (at = text.find(folder_.path())) != std::string::npos;) text.replace(at, folder_.path().size(), "DIR");
    return text;
  }
  std::string complaint(std::string_view text) {
    folder_.write("master", text);
    return complaint();
  }

  ConfigFolder folder_;
};

TEST_F(MasterConfigTest, FolderWithoutFilesGivesTheDefaults) {
  const auto config = load_master_config(folder_.path());
  ASSERT_TRUE(config);
  EXPECT_EQ(config->conf_dir, folder_.path());
  EXPECT_EQ(config->interface, "0.0.0.0");
  EXPECT_EQ(config->ret_port, 4506);
  EXPECT_FALSE(config->id.empty());
  EXPECT_EQ(config->cluster, "brine");
  EXPECT_EQ(config->timeout, seconds(5));
  EXPECT_EQ(config->keep_jobs_seconds, seconds(86400));
  EXPECT_GE(config->worker_threads, 1);
  EXPECT_LE(config->worker_threads, 5);
  EXPECT_EQ(config->state.path, "/var/lib/brine/master");
  EXPECT_EQ(config->log_file, "");
  EXPECT_EQ(config->max_message, 16U << 20);
  EXPECT_FALSE(config->metrics.listen);
  EXPECT_THAT(config->warnings, IsEmpty());
}

TEST_F(MasterConfigTest, MissingFolderIsAnErrorThatSaysWhatToDo) {
  const auto config = load_master_config(folder_.file("nowhere"));
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, Code::kNotFound);
  EXPECT_THAT(config.error().message, AllOf(HasSubstr(folder_.file("nowhere")), HasSubstr("-c")));
}

TEST_F(MasterConfigTest, EveryKindOfKeyIsRead) {
  const MasterConfig config = load(R"(
interface: '::'
ret_port: 0
id: m1
auto_accept: yes
timeout: 500ms
keep_jobs_seconds: 2h
log_level: trace
operators: [ada, 1000]
max_message: 1MiB
state:
  path: /srv/state
  durability: async
outbox: {max_bytes: 2GiB, keep_seconds: 1d, on_full: drop_oldest}
admission: {unknown_per_source_per_second: 7, unknown_burst: 9}
metrics: {listen: '127.0.0.1:0'}
)");
  EXPECT_EQ(config.interface, "::");
  EXPECT_EQ(config.ret_port, 0);
  EXPECT_EQ(config.id, "m1");
  EXPECT_TRUE(config.auto_accept);
  EXPECT_EQ(config.timeout, milliseconds(500));
  EXPECT_EQ(config.keep_jobs_seconds, seconds(7200));
  EXPECT_EQ(config.log_level, log::Level::kDebug);
  EXPECT_THAT(config.operators, ElementsAre("ada", "1000"));
  EXPECT_EQ(config.max_message, 1U << 20);
  EXPECT_EQ(config.state.path, "/srv/state");
  EXPECT_EQ(config.state.durability, Durability::kAsync);
  EXPECT_EQ(config.outbox.max_bytes, 2ULL << 30);
  EXPECT_EQ(config.outbox.keep_seconds, seconds(86400));
  EXPECT_EQ(config.outbox.on_full, OutboxFull::kDropOldest);
  EXPECT_EQ(config.admission.unknown_per_source_per_second, 7);
  EXPECT_EQ(config.admission.unknown_burst, 9);
  EXPECT_EQ(config.metrics.listen, (Address{.host = "127.0.0.1", .port = 0}));
}

TEST_F(MasterConfigTest, LaterFilesWinKeyByKey) {
  folder_.write("master", "ret_port: 1\ntimeout: 1\nstate: {path: /a, durability: async}\n");
  folder_.write("master.d/20-b.conf", "timeout: 3\n");
  folder_.write("master.d/10-a.conf", "ret_port: 2\ntimeout: 2\nstate: {path: /b}\n");
  folder_.write("master.d/30.conf.off", "timeout: 4\n");
  folder_.write("master.d/.hidden.conf", "timeout: 5\n");
  const auto config = load_master_config(folder_.path());
  ASSERT_TRUE(config);
  EXPECT_EQ(config->ret_port, 2);
  EXPECT_EQ(config->timeout, seconds(3));
  EXPECT_EQ(config->state.path, "/b");
  EXPECT_EQ(config->state.durability, Durability::kAsync);
}

TEST_F(MasterConfigTest, UnknownKeyNamesFileLineAndTheNearestKey) {
  EXPECT_EQ(complaint("\nintreface: 0.0.0.0\n"), "DIR/master:2: unknown key 'intreface'; did you mean 'interface'?");
  EXPECT_EQ(complaint("state: {bakend: sqlite}\n"), "DIR/master:1: unknown key 'bakend' in 'state'; did you mean 'backend'?");
  EXPECT_EQ(complaint("qqqqqq: 1\n"), "DIR/master:1: unknown key 'qqqqqq'");
}

TEST_F(MasterConfigTest, WrongValuesSayWhatIsAllowed) {
  EXPECT_EQ(complaint("ret_port: abc"), "DIR/master:1: 'ret_port' must be a number from 0 to 65535, not 'abc'");
  EXPECT_EQ(complaint("ret_port: 65536"), "DIR/master:1: 'ret_port' must be a number from 0 to 65535, not '65536'");
  EXPECT_EQ(complaint("ret_port: '1'"), "DIR/master:1: 'ret_port' must be a number from 0 to 65535, not '1'");
  EXPECT_EQ(complaint("auto_accept: maybe"), "DIR/master:1: 'auto_accept' must be true or false, not 'maybe'");
  EXPECT_EQ(complaint("interface:"), "DIR/master:1: 'interface' must be an IP address, not nothing");
  EXPECT_EQ(complaint("cluster: [a]"), "DIR/master:1: 'cluster' must be a text, not a list");
  EXPECT_THAT(complaint("timeout: soon"), StartsWith("DIR/master:1: 'timeout' must be a time from 100ms to 1d"));
  EXPECT_THAT(complaint("ticket_life: 3601"), HasSubstr("must be a time from 10s to 1h"));
  EXPECT_THAT(complaint("max_message: 1"), HasSubstr("must be a size from 64KiB to 1GiB"));
  EXPECT_THAT(complaint("log_level: warn"), HasSubstr("did you mean 'warning'?"));
  EXPECT_THAT(complaint("outbox: {on_full: drop}"), HasSubstr("'outbox.on_full' must be one of refuse_jobs, drop_oldest, not 'drop'"));
  EXPECT_THAT(complaint("metrics: {listen: 9100}"), HasSubstr("'metrics.listen' must be an address as host:port"));
  EXPECT_THAT(complaint("state: here"), HasSubstr("'state' must be a map"));
  EXPECT_THAT(complaint("- a\n"), HasSubstr("the file must be a map"));
}

TEST_F(MasterConfigTest, AllProblemsOfAllFilesAreReported) {
  folder_.write("master.d/x.conf", "\n\nworker_threads: 0\n");
  folder_.write("master.d/y.conf", "a: [1\n");
  EXPECT_THAT(complaint("ret_port: x\nstate: {path: []}\ntimeot: 1\n"),
              AllOf(HasSubstr("DIR/master:1: 'ret_port'"), HasSubstr("\nDIR/master:2: 'state.path'"),
                    HasSubstr("\nDIR/master:3: unknown key 'timeot'"), HasSubstr("\nDIR/master.d/x.conf:3: 'worker_threads'"),
                    HasSubstr("\nDIR/master.d/y.conf:")));
}

TEST_F(MasterConfigTest, SyntaxErrorNamesLineAndColumn) {
  EXPECT_THAT(complaint("id: a\nb: [1, 2\n"), testing::ContainsRegex("^DIR/master:[0-9]+:[0-9]+: not valid YAML"));
}

TEST_F(MasterConfigTest, KeyThatComesTwiceIsAnError) {
  EXPECT_EQ(complaint("id: a\nid: b\n"), "DIR/master:2:1: the key 'id' is here a second time");
}

TEST_F(MasterConfigTest, EndlessFileIsRefused) {
  EXPECT_THAT(complaint(std::string((1U << 20) + 1, '#')), HasSubstr("larger than 1048576 bytes"));
}

TEST_F(MasterConfigTest, FileThatCannotBeReadIsAProblem) {
  std::filesystem::create_directory(folder_.file("master"));
  EXPECT_THAT(complaint(), HasSubstr("cannot read DIR/master"));
}

TEST_F(MasterConfigTest, ARedisHasAnAddress) {
  const MasterConfig config =
      load("state: {backend: redis, url: 'redis://h', password_file: /p, durability: replicated}\naddress: a.example.org\n");
  EXPECT_EQ(config.state.backend, StateBackend::kRedis);
  EXPECT_EQ(config.state.url, "redis://h");
  EXPECT_EQ(config.state.password_file, "/p");
  EXPECT_EQ(config.state.durability, Durability::kReplicated);
  EXPECT_EQ(config.address, "a.example.org");
  EXPECT_EQ(complaint("\nstate: {backend: redis}"), "DIR/master:2: 'state.backend: redis' needs state.url, as redis://host:6379");
  EXPECT_EQ(complaint("state: {url: 'redis://h'}"), "DIR/master:1: 'state.url' is for 'state.backend: redis'");
  EXPECT_EQ(complaint("state: {partitions: 2}"), "DIR/master:1: 'state.partitions' must be a number from 1 to 1, not '2'");
  EXPECT_EQ(complaint("address: 'ipc:///x'"), "DIR/master:1: 'address' must be host or host:port, not 'ipc:///x'");
}

TEST_F(MasterConfigTest, PresenceExpiryIsATime) {
  EXPECT_EQ(load("").presence_expiry, seconds(3600));
  EXPECT_EQ(load("presence_expiry: 10m\n").presence_expiry, seconds(600));
  EXPECT_THAT(complaint("presence_expiry: 0"), HasSubstr("'presence_expiry'"));
}

TEST_F(MasterConfigTest, KnownButUnusedKeysGiveWarnings) {
  const MasterConfig config = load("file_roots: {base: [/srv]}\npublish_port: 4505\nenrolment_cache: 5\n");
  EXPECT_THAT(config.warnings, ElementsAre(folder_.file("master") + ":1: 'file_roots' is known, but not used by this version",
                                           folder_.file("master") + ":2: 'publish_port' is known, but not used by this version",
                                           folder_.file("master") + ":3: 'enrolment_cache' is known, but not used by this version"));
}

TEST_F(MasterConfigTest, RootDirStandsInFrontOfPaths) {
  const MasterConfig config = load(R"(
root_dir: /tmp/x/
cachedir: var/cache
pki_dir: /tmp/x/pki
log_file: /var/log/brine
sock_dir: /tmp/xy
returners: [{name: file, path: /var/returns}]
)");
  EXPECT_EQ(config.cachedir, "/tmp/x/var/cache");
  EXPECT_EQ(config.pki_dir, "/tmp/x/pki");
  EXPECT_EQ(config.log_file, "/tmp/x/var/log/brine");
  EXPECT_EQ(config.sock_dir, "/tmp/x/tmp/xy");
  EXPECT_EQ(config.state.path, "/tmp/x/var/lib/brine/master");
  EXPECT_EQ(config.autosign_file, "");
  EXPECT_EQ(std::get<FileReturnerConfig>(config.returners.at(0).settings).path, "/tmp/x/var/returns");
}

TEST_F(MasterConfigTest, ReturnersAreRead) {
  const MasterConfig config = load(R"(
returners:
- {name: file, path: /a, max_bytes: 1MiB, keep: 2}
- {name: audit, kind: file, path: /b}
- name: kafka
  brokers: k1,k2
  settings: {compression.type: zstd, linger.ms: 20}
  batch: 50
  only: {functions: 'pkg.*', outcomes: [failure, interrupted]}
  except: {minions: [test*]}
event_return: kafka
)");
  ASSERT_THAT(config.returners, SizeIs(3));
  EXPECT_EQ(std::get<FileReturnerConfig>(config.returners[0].settings).max_bytes, 1U << 20);
  EXPECT_EQ(std::get<FileReturnerConfig>(config.returners[0].settings).keep, 2);
  EXPECT_EQ(config.returners[1].name, "audit");
  EXPECT_EQ(std::get<FileReturnerConfig>(config.returners[1].settings).path, "/b");
  const ReturnerConfig& kafka = config.returners[2];
  EXPECT_EQ(kind_of(kafka), "kafka");
  EXPECT_EQ(std::get<KafkaReturnerConfig>(kafka.settings).brokers, "k1,k2");
  EXPECT_EQ(std::get<KafkaReturnerConfig>(kafka.settings).settings.at("compression.type"), "zstd");
  EXPECT_EQ(std::get<KafkaReturnerConfig>(kafka.settings).settings.at("linger.ms"), "20");
  EXPECT_EQ(kafka.batch, 50U);
  EXPECT_THAT(kafka.only.functions, ElementsAre("pkg.*"));
  EXPECT_THAT(kafka.only.outcomes, ElementsAre("failure", "interrupted"));
  EXPECT_THAT(kafka.except.minions, ElementsAre("test*"));
  EXPECT_THAT(config.event_return, ElementsAre("kafka"));
  EXPECT_THAT(config.warnings, IsEmpty());
}

TEST_F(MasterConfigTest, EachReturnerHasAFileOfDeadLetters) {
  const MasterConfig config = load(R"(
root_dir: /r
cachedir: /c
returners:
- {name: file, path: /a}
- {name: audit, kind: file, path: /b, dead_letters: /d.jsonl}
)");
  EXPECT_EQ(config.returners.at(0).dead_letters, "/r/c/dead_letters/file.jsonl");
  EXPECT_EQ(config.returners.at(1).dead_letters, "/r/d.jsonl");
}

TEST_F(MasterConfigTest, WrongReturnersAreRefused) {
  EXPECT_THAT(complaint("returners: {name: file}"), HasSubstr("'returners' must be a list"));
  EXPECT_THAT(complaint("returners: [file]"), HasSubstr("a returner is a map"));
  EXPECT_THAT(complaint("returners: [{path: /a}]"), HasSubstr("needs a 'name'"));
  EXPECT_THAT(complaint("returners: [{name: ../x, kind: file, path: /a}]"), HasSubstr("needs a 'name'"));
  EXPECT_THAT(complaint("returners: [{name: file}]"), HasSubstr("needs a 'path'"));
  EXPECT_THAT(complaint("returners: [{name: file, path: /a, kep: 1}]"), HasSubstr("did you mean 'keep'?"));
  EXPECT_THAT(complaint("returners: [{name: kafak}]"), HasSubstr("unknown kind 'kafak'; did you mean 'kafka'?"));
  EXPECT_THAT(complaint("returners: [{name: a, kind: syslog}, {name: a, kind: syslog}]"), HasSubstr("two returners are called 'a'"));
  EXPECT_THAT(complaint("returners: [{name: kafka, brokers: [a]}]"), HasSubstr("'brokers' must be"));
  EXPECT_THAT(complaint("returners: [{name: file, path: /a, only: {function: x}}]"), HasSubstr("did you mean 'functions'?"));
  EXPECT_THAT(complaint("returners: [{name: file, path: /a, only: {outcomes: sucess}}]"), HasSubstr("did you mean 'success'?"));
  EXPECT_THAT(complaint("returners: [{name: file, path: /a}]\nevent_return: fiel"), HasSubstr("did you mean 'file'?"));
}

TEST_F(MasterConfigTest, SyslogReturnersAreJudged) {
  const MasterConfig config = load("returners: [{name: syslog, address: 'tcp://[::1]:6514', facility: local3, app_name: fleet}]");
  const auto& syslog = std::get<SyslogReturnerConfig>(config.returners.at(0).settings);
  EXPECT_EQ(syslog.address, "tcp://[::1]:6514");
  EXPECT_EQ(syslog.facility, 19);
  EXPECT_EQ(syslog.app_name, "fleet");
  EXPECT_THAT(complaint("returners: [{name: syslog, facility: deamon}]"), HasSubstr("did you mean 'daemon'?"));
  EXPECT_THAT(complaint("returners: [{name: syslog, address: 'http://logs'}]"), HasSubstr("must begin with unix://, tcp:// or udp://"));
  EXPECT_THAT(complaint("returners: [{name: syslog, address: 'tls://logs:6514'}]"), HasSubstr("a relay on this machine"));
  EXPECT_THAT(complaint("returners: [{name: syslog, address: 'unix://dev/log'}]"), HasSubstr("an absolute path"));
  EXPECT_THAT(complaint("returners: [{name: syslog, address: 'udp://logs:x'}]"), HasSubstr("host:port"));
  EXPECT_THAT(complaint("returners: [{name: syslog, app_name: 'a b'}]"), HasSubstr("printable ASCII"));
  EXPECT_THAT(complaint("returners: [{name: syslog, app_name: ''}]"), HasSubstr("needs a 'app_name'"));
}

TEST_F(MasterConfigTest, TablesOfAPostgresReturnerAreJudged) {
  const MasterConfig config = load("returners: [{name: postgres, dsn: host=db, table: fleet.returns}]");
  EXPECT_EQ(std::get<PostgresReturnerConfig>(config.returners.at(0).settings).table, "fleet.returns");
  for (const char* table : {"a.b.c", "a;drop table x", "a.", ".a", "9a", "'\"a\"'"}) {
    EXPECT_THAT(complaint(std::string("returners: [{name: postgres, dsn: host=db, table: ") + table + "}]"),
                HasSubstr("is no name of a table"))
        << table;
  }
}

TEST_F(MasterConfigTest, HeartbeatTimeoutMustBeLonger) {
  folder_.write("master.d/x.conf", "\nheartbeat: 20s\n");
  EXPECT_EQ(complaint("id: a\n"), "DIR/master.d/x.conf:2: 'heartbeat_timeout' (12s) must be longer than 'heartbeat' (20s)");
}

TEST_F(MasterConfigTest, IdAndClusterAreJudgedAsIds) {
  EXPECT_THAT(complaint("id: ../x\n"), StartsWith("DIR/master:1: 'id' cannot be '../x': "));
  EXPECT_THAT(complaint("cluster: 'a b'\n"), StartsWith("DIR/master:1: 'cluster' cannot be 'a b': "));
}

TEST_F(MasterConfigTest, ReferenceExplainsEveryKeyOnce) {
  std::set<std::string> names;
  for (const Schema::KeyInfo& key : master_reference()) {
    EXPECT_FALSE(key.type.empty()) << key.name;
    EXPECT_FALSE(key.doc.empty()) << key.name;
    EXPECT_TRUE(names.insert(key.name).second) << key.name;
  }
  EXPECT_TRUE(names.contains("interface"));
  EXPECT_TRUE(names.contains("state.path"));
  EXPECT_FALSE(names.contains("file_roots"));
}

}  // namespace
}  // namespace brine::config
