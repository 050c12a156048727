#include "store/redis_store.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/log.h"
#include "store/redis/batch_writer.h"
#include "store/redis/layout.h"
#include "store/redis/membership.h"
#include "store/redis/news_reader.h"
#include "store/redis/reader.h"
#include "store/redis/replication.h"
#include "store/redis/server.h"

namespace brine::store {
namespace {

using redis::BatchWriter;
using redis::Connection;
using redis::Reader;
using redis::Reply;

constexpr const char* kFormat = "1";
constexpr const char* kHowToGoOn = "; if that is meant to be: brine-run cluster.restore brings the keys back";
constexpr milliseconds kPauseAfterFailedRead{500};
constexpr std::size_t kIdleReaders = 4;
constexpr milliseconds kMembershipPatience{1'000};  // leases are short

std::uint64_t random_number() {
  std::random_device random;
  return (static_cast<std::uint64_t>(random()) << 32 | random()) >> 1 | 1;
}

// The mutex guards idle_, why_away_ and no_reads_before_. writer_ and what is said of it belong to the thread that commits.
class RedisStore final : public SharedStore {
 public:
  RedisStore(RedisOptions options, redis::Endpoint endpoint, redis::Login login)
      : options_(std::move(options)),
        endpoint_(std::move(endpoint)),
        login_(std::move(login)),
        layout_(options_.cluster),
        origin_(to_hex(std::to_string(random_number()))) {}

  std::uint64_t epoch() const override { return epoch_; }

  Status open() {
    BRINE_LET(Connection connection, connect_server(endpoint_, login_, options_.patience));
    BRINE_LET(const redis::ServerFacts facts, judge_server(connection, endpoint_, options_.durability, options_.patience));
    const bool first = epoch_ == 0;
    if (first) {
      BRINE_TRY(create(connection));
      if (!facts.persistent) log::warning("redis {} keeps nothing over its own restart: set appendonly yes there", connection.address());
    }
    BRINE_LET(const std::uint64_t epoch, read_epoch(connection));
    if (epoch_ != 0 && epoch == 0) return fail(Code::kCorrupt, "redis " + connection.address() + " has been emptied" + kHowToGoOn);
    if (epoch_ != 0 && epoch != epoch_) {
      Reader reading(connection, layout_, epoch);
      BRINE_LET(const bool succeeds, reading.succeeds(epoch_));
      if (!succeeds) return fail(Code::kCorrupt, "redis " + connection.address() + " holds another store than before" + kHowToGoOn);
      log::warning("redis {} holds the store that an operator has put in the place of the one before", connection.address());
    }
    if (first) BRINE_TRY(connection.ask({"HSETNX", layout_.outbox_state, "epoch", std::to_string(epoch)}));
    epoch_ = epoch;
    admit_reads();
    BRINE_TRY(count_replicas(connection, facts));
    // A full server, or one that cannot write to its disk, is found out here rather than by the next batch.
    BRINE_TRY(connection.ask({"HINCRBY", layout_.counters, "opened", "1"}));
    BRINE_LET(writer_,
              BatchWriter::open(std::move(connection), layout_, {origin_, std::to_string(epoch), replicas_needed(), options_.patience}));
    return {};
  }

  Status reopen() override { return open_again(); }

  Status adopt() override {
    const std::uint64_t before = epoch_.exchange(0);
    auto opened = open_again();
    if (!opened) epoch_ = before;
    return opened;
  }

  Result<bool> succeeds(std::uint64_t epoch) const override {
    return read([&](Reader& r) { return r.succeeds(epoch); });
  }
  Status succeed(std::uint64_t epoch) override {
    BRINE_LET(Connection connection, connect_again());
    BRINE_TRY(connection.ask({"HSET", layout_.store, "succeeds:" + std::to_string(epoch), "1"}));
    return {};
  }

  Status open_again() {
    writer_.reset();
    answered_ = false;
    auto opened = open();
    if (!opened) opened.error().code == Code::kCorrupt || !answered_ ? close(opened.error().message) : stop_writing(opened.error().message);
    return opened;
  }

  Result<CommitOutcome> commit(const Batch& batch) override {
    return write([&] { return writer_->commit(batch, epoch_); });
  }
  Result<Expired> expire(const Retention& retention) override {
    return write([&] { return writer_->expire(retention); });
  }

  Result<std::unique_ptr<NewsReader>> news() override {
    auto reader = std::make_unique<redis::StreamNews>([this] { return connect_again(); }, layout_, origin_, options_.patience);
    BRINE_TRY(reader->begin());
    return reader;
  }

  Result<std::unique_ptr<Membership>> membership() override {
    const milliseconds patience = std::min(options_.patience, kMembershipPatience);
    return std::make_unique<redis::RedisMembership>([this, patience] { return connect_again(patience); }, layout_, origin_);
  }

  Result<std::uint32_t> reserve_indexes(std::uint32_t count) override {
    BRINE_LET(Connection connection, connect_again());
    BRINE_LET(const Reply last, connection.ask({"HINCRBY", layout_.counters, "index", std::to_string(count)}));
    BRINE_TRY(redis::wait_for_replicas(connection, layout_, replicas_needed(), options_.patience));
    return static_cast<std::uint32_t>(last.view().integer().value_or(0) - count + 1);
  }
  Result<std::string> claim_setting(const std::string& name, const std::string& value) override {
    BRINE_LET(Connection connection, connect_again());
    connection.add({"HSETNX", layout_.settings, name, value});
    connection.add({"HGET", layout_.settings, name});
    BRINE_TRY(connection.next());
    BRINE_LET(const Reply holds, connection.next());
    BRINE_TRY(redis::wait_for_replicas(connection, layout_, replicas_needed(), options_.patience));
    return holds.view().string();
  }
  Result<UnixMicros> time() const override {
    return read([](Reader& r) { return r.time(); });
  }

  Result<std::vector<KeyRecord>> keys() const override {
    return read_ours([](Reader& r) { return r.keys(); });
  }
  Result<std::vector<KeyRecord>> keys_of(const std::vector<MinionId>& ids) const override {
    return read_ours([&](Reader& r) { return r.keys_of(ids); });
  }
  Result<std::vector<TokenRecord>> tokens() const override {
    return read_ours([](Reader& r) { return r.tokens(); });
  }
  Result<std::vector<GrainsRecord>> grains() const override {
    return read_ours([](Reader& r) { return r.grains(); });
  }
  Result<std::vector<GrainsRecord>> grains_of(const std::vector<MinionId>& ids) const override {
    return read_ours([&](Reader& r) { return r.grains_of(ids); });
  }
  Result<std::vector<JournalMark>> journals() const override {
    return read_ours([](Reader& r) { return r.journals(); });
  }
  Result<std::vector<JournalMark>> journals_of(const std::vector<MinionId>& ids) const override {
    return read_ours([&](Reader& r) { return r.journals_of(ids); });
  }
  Result<std::vector<MineRecord>> mine() const override {
    return read_ours([](Reader& r) { return r.mine(); });
  }
  Result<std::vector<MineRecord>> mine_of(const std::vector<MinionId>& ids) const override {
    return read_ours([&](Reader& r) { return r.mine_of(ids); });
  }
  Result<std::vector<Presence>> presence() const override {
    return read_ours([](Reader& r) { return r.presence(); });
  }
  Result<std::vector<Presence>> presence_of(const std::vector<MinionId>& ids) const override {
    return read_ours([&](Reader& r) { return r.presence_of(ids); });
  }
  Result<std::optional<std::string>> setting(const std::string& name) const override {
    return read([&](Reader& r) { return r.setting(name); });
  }
  Result<JobId> last_jid() const override {
    return read([](Reader& r) { return r.last_jid(); });
  }
  Result<FeedPosition> feed_end() const override {
    return read([](Reader& r) { return r.feed_end(); });
  }
  Result<std::vector<FeedEntry>> feed_after(FeedPosition after, std::size_t max) const override {
    return read_confirmed([&](Reader& r) { return r.feed_after(after, max); });
  }
  Result<std::optional<JobRecord>> job(const JobId& jid) const override {
    return read([&](Reader& r) { return r.job(jid); });
  }
  Result<std::optional<JobId>> job_of(const SubmissionId& submission) const override {
    return read([&](Reader& r) { return r.job_of(submission); });
  }
  Result<std::vector<ReturnRecord>> returns_of(const JobId& jid, const MinionId& after, std::size_t max) const override {
    return read([&](Reader& r) { return r.returns_of(jid, after, max); });
  }
  Result<std::vector<ReturnRecord>> returns_at(const JobId& jid, const std::vector<MinionId>& expected,
                                               const std::vector<std::uint32_t>& places) const override {
    return read([&](Reader& r) { return r.returns_at(jid, expected, places); });
  }
  Result<std::vector<MinionId>> returned_minions(const JobId& jid) const override {
    return read([&](Reader& r) { return r.returned_minions(jid); });
  }
  Result<std::vector<JobId>> open_jobs(UnixMicros now) const override {
    return read_confirmed([&](Reader& r) { return r.open_jobs(now); });
  }
  Result<JobPage> list_jobs(const JobQuery& query) const override {
    return read([&](Reader& r) { return r.list_jobs(query); });
  }
  Result<std::vector<OutboxEntry>> outbox_after(std::uint64_t position, std::size_t max) const override {
    return read_confirmed([&](Reader& r) { return r.outbox_after(position, max); });
  }
  Result<std::uint64_t> returner_position(const std::string& returner) const override {
    return read([&](Reader& r) { return r.returner_position(returner); });
  }
  Result<OutboxUsage> outbox_usage() const override {
    return read([](Reader& r) { return r.outbox_usage(); });
  }

 private:
  Status create(Connection& connection) {
    connection.add({"HSETNX", layout_.store, "format", kFormat});
    connection.add({"HSETNX", layout_.store, "epoch", std::to_string(random_number())});
    BRINE_TRY(connection.next());
    BRINE_TRY(connection.next());
    return {};
  }

  // The server is there, and it is the right one.
  void admit_reads() {
    answered_ = true;
    const std::scoped_lock guard(mutex_);
    why_away_.clear();
    no_reads_before_ = {};
  }

  // 0: there is no store.
  Result<std::uint64_t> read_epoch(Connection& connection) const {
    BRINE_LET(const Reply reply, connection.ask({"HMGET", layout_.store, "format", "epoch"}));
    if (reply[1].is_nil()) return 0;
    if (reply[0].text() != kFormat)
      return fail(Code::kUnsupported, "the store of cluster '" + options_.cluster + "' in redis " + connection.address() + " has format " +
                                          reply[0].string() + ", this brine knows " + kFormat);
    return static_cast<std::uint64_t>(reply[1].integer().value_or(0));
  }

  // The most that were ever seen count: one that has gone is not a reason to ask for less.
  Status count_replicas(const Connection& connection, const redis::ServerFacts& facts) {
    replicas_ = std::max(replicas_.load(), facts.replicas);
    if (options_.durability != RedisDurability::kReplicated || replicas_ > 0) return {};
    return fail(Code::kUnavailable, "redis " + connection.address() +
                                        " has no replica, and state.durability: replicated asks for one: add one, or choose async");
  }
  int replicas_needed() const { return options_.durability == RedisDurability::kReplicated ? replicas_ / 2 + 1 : 0; }

  // For the others: to the same store, or not at all.
  Result<Connection> connect_again() const { return connect_again(options_.patience); }
  Result<Connection> connect_again(milliseconds patience) const {
    BRINE_LET(Connection connection, connect_server(endpoint_, login_, patience));
    BRINE_LET(const std::uint64_t epoch, read_epoch(connection));
    if (epoch == epoch_) return connection;
    return fail(Code::kUnavailable, "redis " + connection.address() + " does not hold the store that it held before");
  }

  // Nothing is written until reopen(). What it refuses to write, the server may still tell.
  void stop_writing(const std::string& why) {
    writer_.reset();
    why_not_written_ = why;
  }
  void close(const std::string& why) {
    stop_writing(why);
    const std::scoped_lock guard(mutex_);
    idle_.clear();
    why_away_ = why;
  }

  Error away() const { return {Code::kUnavailable, why_away_}; }

  template <typename Body>
  auto write(Body body) -> decltype(body()) {
    if (!writer_) return std::unexpected<Error>(Error{Code::kUnavailable, why_not_written_});
    auto result = body();
    if (!result && result.error().code != Code::kInvalid) {
      result.error().code = Code::kUnavailable;
      writer_->connection().alive() ? stop_writing(result.error().message) : close(result.error().message);
    }
    return result;
  }

  // An idle connection, or a new one. None while the store is away.
  Result<Connection> reader() const {
    {
      const std::scoped_lock guard(mutex_);
      if (!why_away_.empty()) return std::unexpected(away());
      if (!idle_.empty()) {
        Connection connection = std::move(idle_.back());
        idle_.pop_back();
        return connection;
      }
      if (std::chrono::steady_clock::now() < no_reads_before_) return fail(Code::kUnavailable, "redis did not answer a moment ago");
    }
    return connect_again();
  }

  // Reading can be repeated: once, on a new connection, when an idle one turns out to be dead.
  template <typename Body>
  auto read(Body body) const -> decltype(body(std::declval<Reader&>())) {
    for (bool again : {true, false}) {
      auto connection = reader();
      if (!connection) {
        pause_reads();
        return std::unexpected<Error>(connection.error());
      }
      Reader reading(*connection, layout_, epoch_);
      auto result = body(reading);
      if (result || result.error().code != Code::kUnavailable) {
        connection->skip_rest();
        give_back(std::move(*connection));
        return result;
      }
      if (!again) {
        pause_reads();
        return result;
      }
      forget_idle();
    }
    std::unreachable();
  }

  // What is missing in the answer is forgotten by whoever asks: so it must not be missing because the store was emptied or exchanged since
  // it was opened, which ends no connection.
  template <typename Body>
  auto read_ours(Body body) const -> decltype(body(std::declval<Reader&>())) {
    return read([&](Reader& reading) {
      auto result = body(reading);
      if (!result) return result;
      if (auto ours = reading.still_ours(); !ours) return decltype(result)(std::unexpected(ours.error()));
      return result;
    });
  }

  // What is acted upon must not be taken back by a replica that takes over: others may have written it, and wait for the replicas
  // themselves.
  template <typename Body>
  auto read_confirmed(Body body) const -> decltype(body(std::declval<Reader&>())) {
    return read([&](Reader& reading) {
      auto result = body(reading);
      if (!result || result->empty()) return result;
      if (auto confirmed = reading.wait_for_replicas(replicas_needed(), options_.patience); !confirmed)
        return decltype(result)(std::unexpected(confirmed.error()));
      return result;
    });
  }

  void give_back(Connection connection) const {
    const std::scoped_lock guard(mutex_);
    if (why_away_.empty() && idle_.size() < kIdleReaders) idle_.push_back(std::move(connection));
  }
  void forget_idle() const {
    const std::scoped_lock guard(mutex_);
    idle_.clear();
  }
  void pause_reads() const {
    const std::scoped_lock guard(mutex_);
    no_reads_before_ = std::chrono::steady_clock::now() + kPauseAfterFailedRead;
  }

  const RedisOptions options_;
  const redis::Endpoint endpoint_;
  const redis::Login login_;
  const redis::Layout layout_;
  const std::string origin_;
  std::atomic<std::uint64_t> epoch_{0};
  std::atomic<int> replicas_{0};
  std::unique_ptr<BatchWriter> writer_;
  std::string why_not_written_;  // while there is no writer
  bool answered_ = false;        // at the last opening
  mutable std::mutex mutex_;
  mutable std::vector<Connection> idle_;
  mutable std::chrono::steady_clock::time_point no_reads_before_{};
  std::string why_away_;
};

}  // namespace

Result<std::unique_ptr<SharedStore>> open_redis_store(const RedisOptions& options) {
  BRINE_LET(redis::Endpoint endpoint, redis::parse_endpoint(options.url));
  BRINE_LET(redis::Login login, redis::read_login(options.user, options.password_file, endpoint.database));
  auto store = std::make_unique<RedisStore>(options, std::move(endpoint), std::move(login));
  BRINE_TRY(store->open());
  return store;
}

}  // namespace brine::store
