#include "store/redis_store.h"

#include <gmock/gmock.h>
#include <signal.h>

#include <stdexcept>
#include <thread>

#include "base/file.h"
#include "store/redis/connection.h"
#include "tests/unit/store/contract.h"
#include "tests/unit/store/redis_server.h"

namespace brine::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

// One server for all that do not ill-treat it.
RedisServer& common_server() {
  static RedisServer server({"--appendfsync", "no"});
  return server;
}

std::string fresh_cluster() {
  static int number = 0;
  return "c" + std::to_string(++number);
}

RedisOptions options_for(const RedisServer& server, std::string cluster = "test") {
  return {.url = server.url(), .cluster = std::move(cluster), .patience = milliseconds(10'000)};
}

std::unique_ptr<SharedStore> open_store(const RedisOptions& options) {
  auto opened = open_redis_store(options);
  if (!opened) throw std::runtime_error(opened.error().message);
  return std::move(*opened);
}

class RedisHome final : public StoreHome {
 public:
  RedisHome() : options_(options_for(common_server(), fresh_cluster())), store_(open_store(options_)) {}
  StateStore& store() override { return *store_; }
  void restart() override {
    store_.reset();
    store_ = open_store(options_);
  }

 private:
  const RedisOptions options_;
  std::unique_ptr<SharedStore> store_;
};

INSTANTIATE_TEST_SUITE_P(Redis, StoreContract, testing::Values(StoreBackend{"redis", [] { return std::make_unique<RedisHome>(); }}),
                         backend_name);

Batch with_job(int number, std::vector<MinionId> expected = minions({"a", "b"})) {
  Batch batch;
  batch.jobs.push_back(make_job(number, std::move(expected)));
  return batch;
}

Batch with_return(int job, std::string_view from) {
  Batch batch;
  batch.returns.push_back(make_return(job, from));
  return batch;
}

redis::Connection connection_to(const RedisServer& server) {
  auto opened = redis::Connection::open({.host = "", .port = 0, .path = server.path()}, {}, milliseconds(10'000));
  if (!opened) throw std::runtime_error(opened.error().message);
  return std::move(*opened);
}

class RedisStore : public testing::Test {
 protected:
  RedisStore() { ::signal(SIGPIPE, SIG_IGN); }
};

// ---- several masters -------------------------------------------------------------------------------------------------------

TEST_F(RedisStore, TwoClustersOnOneServerAreApart) {
  const auto one = open_store(options_for(common_server(), fresh_cluster()));
  const auto other = open_store(options_for(common_server(), fresh_cluster()));
  EXPECT_NE(one->epoch(), other->epoch());
  ASSERT_TRUE(one->commit(with_job(1)));
  EXPECT_FALSE(value_of(other->job(jid_number(1))).has_value());
}

TEST_F(RedisStore, TwoMastersShareWhatTheyWrite) {
  const auto options = options_for(common_server(), fresh_cluster());
  const auto one = open_store(options);
  const auto other = open_store(options);
  EXPECT_EQ(one->epoch(), other->epoch());
  ASSERT_TRUE(one->commit(with_job(1)));
  EXPECT_THAT(value_of(other->commit(with_return(1, "a"))).returns, ElementsAre(ReturnResult::kFirst));
  EXPECT_THAT(value_of(one->commit(with_return(1, "a"))).returns, ElementsAre(ReturnResult::kRepeated));
  EXPECT_THAT(value_of(one->returned_minions(jid_number(1))), ElementsAre(minion("a")));
}

TEST_F(RedisStore, WhatOthersCommitIsNews) {
  const auto options = options_for(common_server(), fresh_cluster());
  const auto one = open_store(options);
  const auto other = open_store(options);
  auto reader = value_of(one->news());
  ASSERT_TRUE(other->commit(with_job(1)));
  EXPECT_TRUE(value_of(reader->wait(milliseconds(10'000))).feed);
  ASSERT_TRUE(other->commit(with_return(1, "b")));
  EXPECT_THAT(value_of(reader->wait(milliseconds(10'000))).returned, ElementsAre(Pair(jid_number(1), ElementsAre(1U))));
  Batch small;
  small.grains = {{minion("g"), "{}"}};
  small.mine = {{minion("p"), "x", "1", "", 1}, {minion("p"), "y", "1", "", 1}};
  small.forgotten_mine = {{minion("q"), "x"}};
  small.forgotten_minions = minions({"gone"});
  small.settings["tickets"] = "x";
  small.forgotten_keys.emplace_back(minion("k"), true);
  ASSERT_TRUE(other->commit(small));
  const News news = value_of(reader->wait(milliseconds(10'000)));
  EXPECT_THAT(news.minions, ElementsAre(minion("g"), minion("gone")));
  EXPECT_THAT(news.mine, ElementsAre(minion("gone"), minion("p"), minion("q")));
  EXPECT_THAT(news.keys, ElementsAre(minion("k")));
  EXPECT_THAT(news.settings, ElementsAre("tickets"));
  EXPECT_FALSE(news.missed);
}

TEST_F(RedisStore, MineEntriesAreReadByMinion) {
  const auto store = open_store(options_for(common_server(), fresh_cluster()));
  Batch batch;
  for (int i = 0; i < 100; ++i) batch.mine.push_back({minion("m" + std::to_string(100 + i)), "x", std::to_string(i), "", 1});
  ASSERT_TRUE(store->commit(batch));
  const auto some = value_of(store->mine_of(minions({"m101", "never", "m199"})));
  ASSERT_EQ(some.size(), 2U);
  EXPECT_EQ(some[0].value, "1");
  EXPECT_EQ(some[1].value, "99");
  EXPECT_EQ(value_of(store->mine()).size(), 100U);
}

TEST_F(RedisStore, WhatWasCommittedHereIsNoNews) {
  const auto store = open_store(options_for(common_server(), fresh_cluster()));
  auto reader = value_of(store->news());
  ASSERT_TRUE(store->commit(with_job(1)));
  ASSERT_TRUE(store->commit(with_return(1, "b")));
  EXPECT_TRUE(value_of(reader->wait(milliseconds(10'000))).empty());
}

TEST_F(RedisStore, NewsThatWereThrownAwayAreMissed) {
  const auto cluster = fresh_cluster();
  const auto options = options_for(common_server(), cluster);
  const auto one = open_store(options);
  const auto other = open_store(options);
  auto reader = value_of(one->news());
  ASSERT_TRUE(other->commit(with_job(1)));
  ASSERT_TRUE(connection_to(common_server()).ask({"XTRIM", "brine:{" + cluster + "}:news", "MAXLEN", "0"}));
  ASSERT_TRUE(other->commit(with_job(2)));
  EXPECT_TRUE(value_of(reader->wait(milliseconds(10'000))).missed);
}

TEST_F(RedisStore, ReturnsAreReadByPlace) {
  const auto store = open_store(options_for(common_server(), fresh_cluster()));
  const auto expected = minions({"a", "b", "c"});
  ASSERT_TRUE(store->commit(with_job(1, expected)));
  ASSERT_TRUE(store->commit(with_return(1, "c")));
  const auto read = value_of(store->returns_at(jid_number(1), expected, {0, 2, 99}));
  ASSERT_EQ(read.size(), 1U);
  EXPECT_EQ(read[0].minion, minion("c"));
  EXPECT_EQ(read[0].payload, make_return(1, "c").payload);
}

TEST_F(RedisStore, EveryKeyOfAJobHasALife) {
  const auto cluster = fresh_cluster();
  const auto store = open_store(options_for(common_server(), cluster));
  ASSERT_TRUE(store->commit(with_job(1)));
  ASSERT_TRUE(store->commit(with_return(1, "a")));
  auto connection = connection_to(common_server());
  const std::string part = "brine:{" + cluster + ":00}:";
  const std::string submission = "brine:{" + cluster + "}:submission:ff000000000000000000000000000001";
  for (const std::string& key : {part + "job:" + jid_number(1).str(), part + "returns:" + jid_number(1).str(), submission}) {
    const auto life = connection.ask({"PTTL", key});
    ASSERT_TRUE(life);
    EXPECT_GT(life->view().integer(), 0) << key;
  }
}

// ---- the indexes of jobs ---------------------------------------------------------------------------------------------------

// A store, and a way to look at what it writes.
class RedisJobIndexes : public RedisStore {
 protected:
  void publish(Batch batch) { ASSERT_TRUE(store_->commit(batch)); }
  void publish_failed(int number) {
    Batch batch = with_job(number);
    batch.returns.push_back(make_return(number, "a"));
    batch.returns[0].success = false;
    publish(batch);
  }
  std::size_t found(const JobQuery& query) { return value_of(store_->list_jobs(query)).jobs.size(); }
  std::int64_t ask(const redis::Words& words) {
    const auto reply = connection_.ask(words);
    EXPECT_TRUE(reply.has_value());
    return reply ? reply->view().integer().value_or(-1) : -1;
  }

  const std::string cluster_ = fresh_cluster();
  const std::string index_ = "brine:{" + cluster_ + "}:jobs.by:";
  const std::string part_ = "brine:{" + cluster_ + ":00}:";
  const std::unique_ptr<SharedStore> store_ = open_store(options_for(common_server(), cluster_));
  redis::Connection connection_ = connection_to(common_server());
};

TEST_F(RedisJobIndexes, LiveAsLongAsTheirJobs) {
  publish_failed(1);
  const std::int64_t job = ask({"PTTL", part_ + "job:" + jid_number(1).str()});
  for (const std::string& key : {index_ + "function:cmd.run", index_ + "user:root", index_ + "target:web*", part_ + "failed"})
    EXPECT_GE(ask({"PTTL", key}), job - 60'000) << key;
}

TEST_F(RedisJobIndexes, OfALongTargetHaveAShortName) {
  Batch batch = with_job(1);
  batch.jobs[0].target = std::string(10'000, 'x');
  publish(batch);
  EXPECT_EQ(ask({"ZCARD", index_ + "target:" + std::string(128, 'x')}), 1);
}

TEST_F(RedisJobIndexes, LoseForgottenJobsWhenTheNextOneIsPublished) {
  for (const int number : {1, 2, 3}) publish(with_job(number));
  EXPECT_EQ(value_of(store_->expire({20'000, 10, {}, 0, 0})).jobs, 3U);
  publish(with_job(4));
  EXPECT_EQ(ask({"ZCARD", index_ + "function:cmd.run"}), 1);
  EXPECT_EQ(found({.function = "cmd.run"}), 1U);
}

TEST_F(RedisJobIndexes, KeepAJobThatIsOlderThanTheOthers) {
  for (const int number : {5, 3}) publish(with_job(number));
  EXPECT_EQ(found({.function = "cmd.run"}), 2U);
}

TEST_F(RedisJobIndexes, OfFailedJobsLoseThoseThatAreForgotten) {
  publish_failed(1);
  EXPECT_EQ(ask({"ZCARD", part_ + "failed"}), 1);
  ASSERT_TRUE(store_->expire({20'000, 10, {}, 0, 0}));
  EXPECT_EQ(ask({"ZCARD", part_ + "failed"}), 0);
}

TEST_F(RedisJobIndexes, MayNameAJobWhoseRecordHasGone) {
  for (const int number : {1, 2, 3}) publish(with_job(number));
  ask({"UNLINK", part_ + "job:" + jid_number(2).str()});
  EXPECT_EQ(found({.function = "cmd.run"}), 2U);
  const auto page = value_of(store_->list_jobs({.max = 2}));
  ASSERT_EQ(page.jobs.size(), 2U);
  EXPECT_EQ(page.jobs[1].jid, jid_number(1));
}

TEST_F(RedisJobIndexes, AreReadInPortions) {
  Batch batch;
  for (int number = 1; number <= 2'500; ++number) batch.jobs.push_back(make_job(number, minions({"a"})));
  batch.jobs[0].user = "ann";
  publish(batch);
  EXPECT_EQ(found({.function = "cmd.run", .user = "ann"}), 1U);
  EXPECT_EQ(found({.max = 5'000}), 2'500U);
}

// ---- a server in trouble ---------------------------------------------------------------------------------------------------

TEST_F(RedisStore, AServerThatWasKilledAndRestartedHasKeptWhatWasCommitted) {
  RedisServer server;
  const auto store = open_store(options_for(server));
  ASSERT_TRUE(store->commit(with_job(1)));
  ASSERT_TRUE(store->commit(with_return(1, "a")));
  server.kill();
  const auto refused = store->commit(with_return(1, "b"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnavailable);
  EXPECT_EQ(store->reopen().error().code, Code::kUnavailable);
  EXPECT_EQ(store->job(jid_number(1)).error().code, Code::kUnavailable);
  server.start();
  ASSERT_TRUE(store->reopen());
  EXPECT_THAT(value_of(store->commit(with_return(1, "a"))).returns, ElementsAre(ReturnResult::kRepeated));
  EXPECT_THAT(value_of(store->commit(with_return(1, "b"))).returns, ElementsAre(ReturnResult::kFirst));
  EXPECT_EQ(value_of(store->outbox_usage()).entries, 2U);
}

TEST_F(RedisStore, AReaderConnectsAgainByItself) {
  RedisServer server;
  const auto store = open_store(options_for(server));
  ASSERT_TRUE(store->commit(with_job(1)));
  EXPECT_TRUE(value_of(store->job(jid_number(1))).has_value());
  server.kill();
  server.start();
  EXPECT_TRUE(value_of(store->job(jid_number(1))).has_value());
}

// What it had told last may not have been on its disk.
TEST_F(RedisStore, NewsGoOnAfterTheServersRestartAndSomeMayBeMissed) {
  RedisServer server;
  const auto one = open_store(options_for(server));
  auto reader = value_of(one->news());
  server.kill();
  EXPECT_EQ(reader->wait(milliseconds(10'000)).error().code, Code::kUnavailable);
  server.start();
  const auto other = open_store(options_for(server));
  ASSERT_TRUE(other->commit(with_job(1)));
  EXPECT_TRUE(value_of(reader->wait(milliseconds(10'000))).missed);
  ASSERT_TRUE(other->commit(with_job(2)));
  const News news = value_of(reader->wait(milliseconds(10'000)));
  EXPECT_TRUE(news.feed);
  EXPECT_FALSE(news.missed);
}

TEST_F(RedisStore, AServerThatStandsStillIsAway) {
  RedisServer server;
  auto options = options_for(server);
  options.patience = milliseconds(50);
  const auto store = open_store(options);
  server.pause();
  const auto refused = store->commit(with_job(1));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnavailable);
  EXPECT_THAT(refused.error().message, HasSubstr("no answer in time"));
  server.resume();
}

TEST_F(RedisStore, AnEmptiedServerIsNotTakenForOurs) {
  RedisServer server;
  const auto store = open_store(options_for(server));
  ASSERT_TRUE(connection_to(server).ask({"FLUSHALL"}));
  const auto opened = store->reopen();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::kCorrupt);
  EXPECT_THAT(opened.error().message, HasSubstr("emptied"));
}

TEST_F(RedisStore, WhatAnEmptiedServerLacksIsNotTakenForForgotten) {
  RedisServer server;
  const auto store = open_store(options_for(server));
  ASSERT_TRUE(store->keys().has_value());  // a connection stays open for the next reading
  ASSERT_TRUE(connection_to(server).ask({"FLUSHALL"}));
  const std::vector<MinionId> ids{MinionId::trusted("a")};
  const auto code_of = [](const auto& result) { return result ? std::string("none") : std::string(to_string(result.error().code)); };
  for (const bool again : {false, true}) {
    const std::string corrupt(to_string(Code::kCorrupt));
    EXPECT_EQ(code_of(store->keys()), corrupt) << again;
    EXPECT_EQ(code_of(store->keys_of(ids)), corrupt) << again;
    EXPECT_EQ(code_of(store->grains()), corrupt) << again;
    EXPECT_EQ(code_of(store->presence()), corrupt) << again;
    const auto other = open_store(options_for(server));  // and the second time another one
  }
}

TEST_F(RedisStore, AForeignStoreIsNotTakenForOurs) {
  RedisServer server;
  const auto store = open_store(options_for(server));
  ASSERT_TRUE(connection_to(server).ask({"FLUSHALL"}));
  const auto other = open_store(options_for(server));
  const auto opened = store->reopen();
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr("another store"));
}

TEST_F(RedisStore, AFullServerRefusesAndSaysWhy) {
  RedisServer server({"--maxmemory", "100mb", "--maxmemory-policy", "noeviction"});
  const auto store = open_store(options_for(server));
  ASSERT_TRUE(store->commit(with_job(1)));
  ASSERT_TRUE(connection_to(server).ask({"CONFIG", "SET", "maxmemory", "1mb"}));
  const auto refused = store->commit(with_return(1, "a"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnavailable);
  EXPECT_THAT(refused.error().message, HasSubstr("is full (maxmemory)"));
  ASSERT_TRUE(connection_to(server).ask({"CONFIG", "SET", "maxmemory", "100mb"}));
  ASSERT_TRUE(store->reopen());
  EXPECT_THAT(value_of(store->commit(with_return(1, "a"))).returns, ElementsAre(ReturnResult::kFirst));
}

TEST_F(RedisStore, ForgottenScriptsAreLoadedAgain) {
  RedisServer server;
  const auto store = open_store(options_for(server));
  ASSERT_TRUE(connection_to(server).ask({"SCRIPT", "FLUSH"}));
  EXPECT_EQ(store->commit(with_job(1)).error().code, Code::kUnavailable);
  ASSERT_TRUE(store->reopen());
  EXPECT_THAT(value_of(store->commit(with_job(1))).jobs, ElementsAre(JobResult::kPublished));
}

// ---- servers that cannot be used -------------------------------------------------------------------------------------------

Error refusal(const RedisOptions& options) {
  const auto opened = open_redis_store(options);
  return opened ? Error{Code::kInternal, "it was opened"} : opened.error();
}

TEST_F(RedisStore, AWrongAddressIsNamed) {
  RedisOptions options{.url = "redis://127.0.0.1:1", .cluster = "test"};
  EXPECT_EQ(refusal(options).code, Code::kUnavailable);
  EXPECT_THAT(refusal(options).message, HasSubstr("127.0.0.1:1"));
}

TEST_F(RedisStore, PasswordsAreCheckedAndNeverShown) {
  RedisServer server({"--requirepass", "a-secret"});
  auto options = options_for(server);
  EXPECT_EQ(refusal(options).code, Code::kDenied);
  EXPECT_THAT(refusal(options).message, HasSubstr("set password_file"));
  ScratchFolder folder;
  options.password_file = folder / "password";
  ASSERT_TRUE(create_file(options.password_file, "not-it\n", 0600));
  EXPECT_EQ(refusal(options).code, Code::kDenied);
  EXPECT_THAT(refusal(options).message, Not(HasSubstr("not-it")));
  ASSERT_TRUE(replace_file(options.password_file, "a-secret\n", 0600));
  EXPECT_TRUE(open_redis_store(options).has_value());
}

TEST_F(RedisStore, AUserOfAnAccessListIsEnoughWithTheRightsThatAreDocumented) {
  RedisServer server({"--user", "brine", "on", ">word", "~brine:*", "+@all", "-@dangerous", "+info", "--user", "default", "off"});
  ScratchFolder folder;
  auto options = options_for(server);
  options.user = "brine";
  options.password_file = folder / "password";
  ASSERT_TRUE(create_file(options.password_file, "word", 0600));
  const auto store = open_store(options);
  ASSERT_TRUE(store->commit(with_job(1)));
  ASSERT_TRUE(store->commit(with_return(1, "a")));
  EXPECT_EQ(value_of(store->keys()).size(), 0U);
  ASSERT_TRUE(store->expire({20'000, 10, {}, 0, 0}));
}

TEST_F(RedisStore, SyncedAsksForALogThatIsSynced) {
  RedisServer lazy({"--appendfsync", "everysec"});
  auto options = options_for(lazy);
  options.durability = RedisDurability::kSynced;
  EXPECT_EQ(refusal(options).code, Code::kUnsupported);
  EXPECT_THAT(refusal(options).message, HasSubstr("appendfsync always"));
  RedisServer strict;
  options.url = strict.url();
  EXPECT_TRUE(open_redis_store(options).has_value());
}

TEST_F(RedisStore, AServerThatMayEvictIsRefused) {
  RedisServer server({"--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"});
  EXPECT_EQ(refusal(options_for(server)).code, Code::kUnsupported);
  EXPECT_THAT(refusal(options_for(server)).message, HasSubstr("noeviction"));
}

TEST_F(RedisStore, ReplicatedAsksForAReplica) {
  RedisServer server;
  auto options = options_for(server);
  options.durability = RedisDurability::kReplicated;
  EXPECT_EQ(refusal(options).code, Code::kUnavailable);
  EXPECT_THAT(refusal(options).message, HasSubstr("has no replica"));
}

TEST_F(RedisStore, ReplicatedRefusesWhatTheReplicaHasNot) {
  RedisServer server({"--repl-diskless-sync-delay", "0"});
  RedisServer replica({"--replicaof", "127.0.0.1 " + std::to_string(server.port())});
  auto waiting = connection_to(server);
  ASSERT_TRUE(waiting.ask({"SET", "anything", "1"}));
  ASSERT_TRUE(waiting.set_patience(milliseconds(60'000)));
  ASSERT_TRUE(waiting.ask({"WAIT", "1", "50000"}));
  auto options = options_for(server);
  options.durability = RedisDurability::kReplicated;
  EXPECT_EQ(refusal(options_for(replica)).code, Code::kUnavailable) << "it is a replica";
  const auto store = open_store(options);
  ASSERT_TRUE(store->commit(with_job(1)));
  options.patience = milliseconds(1'000);
  const auto hasty = open_store(options);
  replica.pause();
  const auto refused = hasty->commit(with_return(1, "a"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnavailable);
  EXPECT_THAT(refused.error().message, HasSubstr("0 replicas have confirmed"));
  ASSERT_TRUE(hasty->reopen());
  EXPECT_FALSE(hasty->commit(with_return(1, "a"))) << "that it is there already does not mean that the replica has it";
  EXPECT_EQ(hasty->outbox_after(0, 10).error().code, Code::kBusy) << "nobody else may act upon it either";
  EXPECT_EQ(hasty->feed_after({}, 10).error().code, Code::kBusy);
  EXPECT_TRUE(hasty->job(jid_number(1))) << "to be looked at it is good enough";
  replica.resume();
  ASSERT_TRUE(waiting.ask({"SET", "anything", "2"}));
  ASSERT_TRUE(waiting.ask({"WAIT", "1", "50000"}));
  ASSERT_TRUE(store->reopen());
  EXPECT_THAT(value_of(store->commit(with_return(1, "a"))).returns, ElementsAre(ReturnResult::kRepeated));
}

}  // namespace
}  // namespace brine::store
