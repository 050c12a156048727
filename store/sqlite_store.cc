#include "store/sqlite_store.h"

#include <sys/stat.h>

#include <cerrno>
#include <mutex>
#include <utility>

#include "base/file.h"
#include "store/sqlite/batch_writer.h"
#include "store/sqlite/folder_lock.h"
#include "store/sqlite/reader.h"

namespace brine::store {
namespace {

using sqlite::BatchWriter;
using sqlite::Reader;

Status prepare_file(const std::string& file) {
  if (auto created = create_file(file, "", 0600); created || created.error().code != Code::kExists) return created;
  if (::chmod(file.c_str(), 0600) != 0) return fail_errno("cannot set the mode of " + file, errno);
  return {};
}

Status check_content(const sqlite::Connection& connection) {
  BRINE_LET(const std::string verdict, connection.text("PRAGMA quick_check(1)"));
  if (verdict != "ok") return fail(Code::kCorrupt, "the database is damaged: " + verdict);
  return {};
}

bool ends_the_connection(const Error& error) { return error.code == Code::kUnavailable || error.code == Code::kCorrupt; }

// The mutex guards reader_ and why_away_, and is held during a read. writer_ belongs to the thread that commits.
class SqliteStore final : public StateStore {
 public:
  SqliteStore(SqliteOptions options, Fd lock)
      : options_(std::move(options)), file_(options_.folder + "/state.db"), lock_(std::move(lock)) {}
  ~SqliteStore() override { close("the store was closed"); }

  Status open_first() {
    BRINE_TRY(prepare_file(file_));
    return open();
  }

  std::uint64_t epoch() const override { return epoch_; }

  Result<CommitOutcome> commit(const Batch& batch) override {
    return write([&] { return writer_->commit(batch); });
  }

  Result<Expired> expire(const Retention& retention) override {
    return write([&] { return writer_->expire(retention); });
  }

  Status reopen() override {
    close("it is being opened again");
    auto opened = open();
    if (!opened) close(opened.error().message);
    return opened;
  }

  Result<std::vector<KeyRecord>> keys() const override {
    return read([](Reader& r) { return r.keys(); });
  }
  Result<std::vector<TokenRecord>> tokens() const override {
    return read([](Reader& r) { return r.tokens(); });
  }
  Result<std::vector<GrainsRecord>> grains() const override {
    return read([](Reader& r) { return r.grains(); });
  }
  Result<std::vector<JournalMark>> journals() const override {
    return read([](Reader& r) { return r.journals(); });
  }
  Result<std::vector<MineRecord>> mine() const override {
    return read([](Reader& r) { return r.mine(); });
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
    return read([&](Reader& r) { return r.feed_after(after, max); });
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
  Result<std::vector<MinionId>> returned_minions(const JobId& jid) const override {
    return read([&](Reader& r) { return r.returned_minions(jid); });
  }
  Result<std::vector<JobId>> open_jobs(UnixMicros now) const override {
    return read([&](Reader& r) { return r.open_jobs(now); });
  }
  Result<JobPage> list_jobs(const JobQuery& query) const override {
    return read([&](Reader& r) { return r.list_jobs(query); });
  }
  Result<std::vector<OutboxEntry>> outbox_after(std::uint64_t position, std::size_t max) const override {
    return read([&](Reader& r) { return r.outbox_after(position, max); });
  }
  Result<std::uint64_t> returner_position(const std::string& returner) const override {
    return read([&](Reader& r) { return r.returner_position(returner); });
  }
  Result<OutboxUsage> outbox_usage() const override {
    return read([](Reader& r) { return r.outbox_usage(); });
  }

 private:
  Status open() {
    BRINE_TRY(require_file());
    BRINE_LET(writer_, BatchWriter::open(file_, options_));
    BRINE_TRY(verify());
    BRINE_LET(auto reader, Reader::open(file_, options_.vfs));
    const std::scoped_lock guard(mutex_);
    if (epoch_ == 0) epoch_ = writer_->epoch();
    reader_ = std::move(reader);
    return {};
  }

  // A store that vanished must not come back as a new, empty one while we run.
  Status require_file() const {
    struct stat info{};
    if (::stat(file_.c_str(), &info) != 0) return fail_errno("cannot find " + file_, errno);
    if (epoch_ != 0 && info.st_size == 0) return fail(Code::kCorrupt, file_ + " has been emptied");
    return {};
  }

  Status verify() {
    if (epoch_ != 0 && writer_->epoch() != epoch_) return fail(Code::kCorrupt, file_ + " is another store than the one opened first");
    struct stat info{};
    if (::stat(file_.c_str(), &info) != 0) return fail_errno("cannot find " + file_, errno);
    const bool small = static_cast<std::uint64_t>(info.st_size) <= options_.check_up_to_bytes;
    if (small || damage_seen_) BRINE_TRY(check_content(writer_->connection()));
    damage_seen_ = false;
    return {};
  }

  void close(const std::string& why) {
    writer_.reset();
    const std::scoped_lock guard(mutex_);
    reader_.reset();
    why_away_ = why;
  }

  Error away() const { return {Code::kUnavailable, "the store in " + options_.folder + " is away: " + why_away_}; }

  template <typename Body>
  auto write(Body body) -> decltype(body()) {
    if (!writer_) {
      const std::scoped_lock guard(mutex_);
      return std::unexpected<Error>(away());
    }
    auto result = body();
    if (!result && ends_the_connection(result.error())) {
      give_up(result.error());
      return fail(std::move(result.error()), "the store in " + options_.folder);
    }
    // The batch is durable, so its answer stands. If this fails, the next call says so.
    if (auto copied = copy_log_if_due(); !copied) give_up(copied.error());
    return result;
  }

  void give_up(const Error& error) {
    damage_seen_ = damage_seen_ || error.code == Code::kCorrupt;
    close(error.message);
  }

  Status copy_log_if_due() {
    if (writer_->log().pages() < options_.checkpoint_pages) return {};
    if (writer_->log().pages() < options_.max_wal_pages) return writer_->log().copy(writer_->connection());
    const std::scoped_lock guard(mutex_);
    return writer_->log().copy_all(writer_->connection());
  }

  template <typename Body>
  auto read(Body body) const -> decltype(body(std::declval<Reader&>())) {
    const std::scoped_lock guard(mutex_);
    if (!reader_) return std::unexpected<Error>(away());
    return body(*reader_);
  }

  const SqliteOptions options_;
  const std::string file_;
  const Fd lock_;
  std::uint64_t epoch_ = 0;  // constant once open_first() has succeeded
  bool damage_seen_ = false;
  std::unique_ptr<BatchWriter> writer_;
  mutable std::mutex mutex_;
  std::unique_ptr<Reader> reader_;
  std::string why_away_;
};

}  // namespace

Result<std::unique_ptr<StateStore>> open_sqlite_store(const SqliteOptions& options) {
  BRINE_TRY(make_folders(options.folder, 0700));
  BRINE_LET(auto lock, sqlite::lock_folder(options.folder));
  auto store = std::make_unique<SqliteStore>(options, std::move(lock));
  if (auto opened = store->open_first(); !opened) return fail(std::move(opened.error()), "the store in " + options.folder);
  return store;
}

}  // namespace brine::store
